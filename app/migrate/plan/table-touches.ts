import { blocksReaders, strongest, type LockLevel } from "./lock-levels.ts";
import {
  descendantsOf,
  findRelation,
  type PlannedRelation,
  type PlannedSchema,
  type RelationName,
} from "./schema.ts";

/** What a statement does to one table. */
export interface TableTouch {
  /** Undefined where the name is not that of anything there is by then. */
  readonly relation: PlannedRelation | undefined;
  readonly name: string;
  lock: LockLevel;
  /** Reads every row. */
  scans: boolean;
  /** Writes the whole table anew. */
  rewrites: boolean;
  /** A SELECT waits. */
  readersWait: boolean;
  /** How many partitions and heirs are in it with the same lock. */
  partitions: number;
}

export interface TouchWork {
  readonly scans?: boolean;
  readonly rewrites?: boolean;
  /** A SELECT waits, although the lock on the table itself would let it pass. */
  readonly readersWait?: boolean;
  /** Partitions and heirs take the same lock. */
  readonly withChildren?: boolean;
}

/** What a statement does, collected while it is looked at. */
export interface Effects {
  readonly touches: Map<PlannedRelation | string, TableTouch>;
  /** Why something of it cannot be known beforehand; a clause each. */
  readonly undecided: Set<string>;
  readonly notes: Set<string>;
}

export function noEffects(): Effects {
  return { touches: new Map(), undecided: new Set(), notes: new Set() };
}

export function touch(
  { touches }: Effects,
  target: PlannedRelation | string,
  lock: LockLevel,
  work: TouchWork = {},
): void {
  const relation = typeof target === "string" ? undefined : target;
  const partitions = relation !== undefined && work.withChildren ? descendantsOf(relation).length : 0;
  const known = touches.get(target);
  // What an earlier statement of the plan made is empty, or as good as.
  const isEmpty = relation?.isNew ?? false;
  const scans = !isEmpty && (work.scans === true || work.rewrites === true);
  const rewrites = !isEmpty && work.rewrites === true;
  const readersWait = !isEmpty && (work.readersWait === true || blocksReaders(lock));
  if (known === undefined) {
    const name = relation === undefined ? (target as string) : `${relation.schema}.${relation.name}`;
    touches.set(target, { relation, name, lock, scans, rewrites, readersWait, partitions });
    return;
  }
  known.lock = strongest(known.lock, lock);
  known.scans ||= scans;
  known.rewrites ||= rewrites;
  known.readersWait ||= readersWait;
  known.partitions = Math.max(known.partitions, partitions);
}

/** `touch` by name. Nothing happens to what is not there and may be missing. */
export function touchNamed(
  schema: PlannedSchema,
  effects: Effects,
  name: RelationName,
  lock: LockLevel,
  work: TouchWork & { readonly mayBeMissing?: boolean | undefined } = {},
): PlannedRelation | undefined {
  const relation = findRelation(schema, name);
  if (relation !== undefined) touch(effects, relation, lock, work);
  else if (!work.mayBeMissing) touch(effects, writtenName(name), lock, work);
  return relation;
}

function writtenName({ schemaname, relname = "" }: RelationName): string {
  return schemaname === undefined ? relname : `${schemaname}.${relname}`;
}
