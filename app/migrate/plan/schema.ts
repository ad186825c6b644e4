import type { RangeVar } from "libpg-query";

/** A table or the like as the plan sees it at some statement: as the database has it, or as earlier statements left it. */
export interface PlannedRelation {
  schema: string;
  name: string;
  /** `pg_class.relkind`: r table, p partitioned table, v view, m materialized view, S sequence, i and I index. */
  readonly kind: string;
  /** Made by an earlier statement of the same plan: nobody else uses it yet, and it holds little. */
  readonly isNew: boolean;
  /** An estimate; null where the server has none. Of a partitioned table: with its partitions. */
  readonly rows: number | null;
  /** Bytes with indexes and TOAST, partitions included. */
  readonly bytes: number | null;
  readonly columns: Map<string, PlannedColumn>;
  readonly constraints: Map<string, PlannedConstraint>;
  /** Partitions and heirs. */
  readonly children: Set<PlannedRelation>;
  readonly isDefaultPartition: boolean;
  /** Of an index: its table, and its columns where they are plain ones. */
  readonly indexOf: PlannedRelation | undefined;
  readonly indexColumns: readonly string[];
  readonly hasTriggers: boolean;
}

export interface PlannedColumn {
  /** As PostgreSQL writes it, without what stands in parentheses. */
  readonly type: string;
  /** What stands in parentheses. */
  readonly size: readonly number[];
  readonly notNull: boolean;
}

export interface PlannedConstraint {
  readonly kind: "check" | "foreign key" | "other";
  readonly validated: boolean;
  readonly columns: readonly string[];
  /** Columns of which a check says that they are not null. */
  readonly proves: readonly string[];
  readonly references: PlannedRelation | undefined;
  /** The columns of `references` that a foreign key points at; none where they are its primary key and not written. */
  readonly referencedColumns?: readonly string[];
}

/** What the server knows of a type. */
export interface KnownType {
  readonly name: string;
  /** A domain with constraints: a value must be checked, even the null of a new column. */
  readonly isChecked: boolean;
}

export interface KnownFunction {
  readonly isVolatile: boolean;
  /** Not one of PostgreSQL's own. */
  readonly isOurs: boolean;
}

export type RelationName = Pick<RangeVar, "schemaname" | "relname">;

/** The schema as far as a plan is concerned with it, changed by each statement that is looked at. */
export interface PlannedSchema {
  /** Where names without a schema are looked for. */
  searchPath: readonly string[];
  readonly relations: Set<PlannedRelation>;
  /** By the name that stands in a statement. */
  readonly types: Map<string, KnownType>;
  /** `from>to`: changing the one into the other changes no byte. */
  readonly sameBytes: ReadonlySet<string>;
  readonly functions: Map<string, KnownFunction>;
  readonly timeZone: string;
  readonly serverVersion: number;
}

export function findRelation(
  { relations, searchPath }: PlannedSchema,
  { schemaname, relname }: RelationName,
): PlannedRelation | undefined {
  const path = schemaname === undefined ? searchPath : [schemaname];
  for (const schema of path)
    for (const relation of relations)
      if (relation.name === relname && relation.schema === schema) return relation;
  return undefined;
}

export function addRelation(
  schema: PlannedSchema,
  { schemaname, relname = "" }: RelationName,
  kind: string,
  details: Partial<Pick<PlannedRelation, "columns" | "indexOf" | "indexColumns" | "isDefaultPartition">> = {},
): PlannedRelation {
  const relation: PlannedRelation = {
    schema: schemaname ?? schema.searchPath[0] ?? "public",
    name: relname,
    kind,
    isNew: true,
    rows: 0,
    bytes: 0,
    columns: new Map(),
    constraints: new Map(),
    children: new Set(),
    isDefaultPartition: false,
    indexOf: undefined,
    indexColumns: [],
    hasTriggers: false,
    ...details,
  };
  schema.relations.add(relation);
  return relation;
}

/** With what belongs to it. */
export function dropRelation({ relations }: PlannedSchema, relation: PlannedRelation): void {
  relations.delete(relation);
  for (const other of relations) {
    other.children.delete(relation);
    if (other.indexOf === relation) relations.delete(other);
  }
}

/** Partitions and heirs of all generations. */
export function descendantsOf(relation: PlannedRelation): PlannedRelation[] {
  return [...relation.children].flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Foreign keys of others that point at it. */
export function referencesTo({ relations }: PlannedSchema, relation: PlannedRelation): PlannedRelation[] {
  return [...relations].filter(
    (other) =>
      other !== relation && [...other.constraints.values()].some(({ references }) => references === relation),
  );
}
