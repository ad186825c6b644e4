import type { Node, RangeVar, SelectStmt } from "libpg-query";
import { addRelation, type PlannedSchema } from "./schema.ts";
import { touchNamed, type Effects } from "./table-touches.ts";
import { callsIn, relationsIn } from "./tree.ts";

/** A query and the statements in its WITH: what they change, what they read, and the functions that may do more. */
export function reads(schema: PlannedSchema, effects: Effects, query: Node | undefined): void {
  if (query === undefined) return;
  const targets = changedIn(query);
  const whole = changesAll(query);
  const locks = JSON.stringify(query).includes('"LockingClause"');
  for (const target of relationsIn(query)) {
    const changes = targets.has(target);
    const relation = touchNamed(
      schema,
      effects,
      target,
      changes ? "ROW EXCLUSIVE" : locks ? "ROW SHARE" : "ACCESS SHARE",
      { withChildren: target.inh === true, mayBeMissing: !changes, scans: whole === target },
    );
    if (changes && relation?.hasTriggers)
      effects.undecided.add(`what the triggers of ${relation.name} do is decided when it runs`);
  }
  for (const name of new Set(callsIn(query))) {
    const known = schema.functions.get(name);
    if (known?.isOurs && known.isVolatile)
      effects.undecided.add(`what ${name}() does is decided when it runs`);
  }
  const into = "SelectStmt" in query ? intoOf(query.SelectStmt) : undefined;
  if (into !== undefined) addRelation(schema, into, "r");
}

/** The table that SELECT … INTO makes; of a UNION it is written in the first part. */
function intoOf({ intoClause, larg }: SelectStmt): RangeVar | undefined {
  return intoClause?.rel ?? (larg === undefined ? undefined : intoOf(larg));
}

/** The target of an UPDATE or DELETE that has no WHERE. */
function changesAll(query: Node): RangeVar | undefined {
  const statement =
    "UpdateStmt" in query ? query.UpdateStmt : "DeleteStmt" in query ? query.DeleteStmt : undefined;
  return statement?.whereClause === undefined ? statement?.relation : undefined;
}

/** The targets of INSERT, UPDATE, DELETE and MERGE. */
function changedIn(query: unknown, found: Set<object> = new Set()): ReadonlySet<object> {
  if (typeof query !== "object" || query === null) return found;
  for (const [key, value] of Object.entries(query)) {
    if (/^(?:Insert|Update|Delete|Merge)Stmt$/.test(key)) found.add((value as { relation: object }).relation);
    changedIn(value, found);
  }
  return found;
}
