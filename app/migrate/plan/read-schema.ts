import type { Session } from "../../database/session.ts";
import { codeOf } from "../../database/sqlstate.ts";
import { underRolePath } from "../../database/transaction.ts";
import { isParseFailure, parseStatements } from "../statements.ts";
import type { PlannedConstraint, PlannedRelation, PlannedSchema } from "./schema.ts";
import { provesNotNull } from "./tree.ts";

interface RelationRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly rows: number;
  readonly columns: Readonly<Record<string, readonly [type: string, full: string, notNull: boolean]>> | null;
  readonly constraints: readonly ConstraintRow[] | null;
  readonly parents: readonly number[] | null;
  readonly is_default: boolean;
  readonly index_of: number | null;
  readonly index_columns: readonly string[] | null;
  readonly has_triggers: boolean;
}

interface ConstraintRow {
  readonly name: string;
  readonly type: string;
  readonly validated: boolean;
  readonly references: number;
  readonly definition: string | null;
  readonly columns: readonly string[] | null;
  readonly referenced: readonly string[] | null;
}

/**
 * What the database has of the things that a plan names, with what hangs on them: tables of indexes, both ends of
 * foreign keys, partitions. Only reads, and needs no privilege on the tables themselves.
 *
 * @param names any words; those that name nothing do no harm
 * @param types as they stand in statements
 */
export async function readPlannedSchema(
  session: Session,
  names: readonly string[],
  types: readonly string[],
): Promise<PlannedSchema> {
  const { client, serverVersion, searchPath } = session;
  // A table that somebody holds exclusively must not keep us waiting: its size is estimated then.
  await client.query("SET lock_timeout = '1s'");
  const { rows } = await client.query<RelationRow>(relationsQuery, [names]);
  const sizes = await readSizes(
    client,
    rows.map(({ oid }) => oid),
  );
  const settings = await client.query<{ zone: string; same: string[] }>(
    `SELECT (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone') AS zone,
            (SELECT array_agg(format_type(castsource, NULL) || '>' || format_type(casttarget, NULL)) FROM pg_cast WHERE castmethod = 'b') AS same`,
  );
  const functions = await client.query<{ name: string; volatile: boolean; ours: boolean }>(
    `SELECT proname AS name, bool_or(provolatile = 'v') AS volatile, bool_or(pronamespace <> 'pg_catalog'::regnamespace) AS ours
       FROM pg_proc WHERE proname = ANY ($1::text[]) GROUP BY proname`,
    [names],
  );
  const { zone, same } = settings.rows[0]!;
  const byOid = new Map<number, PlannedRelation>();
  for (const row of rows) byOid.set(row.oid, toRelation(row, sizes));
  for (const row of rows) await connect(row, byOid);
  return {
    searchPath: searchPath.filter((schema) => schema !== "pg_catalog"),
    relations: new Set([...byOid.values()].map((relation) => withPartitions(relation))),
    types: await readTypes(session, types),
    sameBytes: new Set(same),
    functions: new Map(
      functions.rows.map(({ name, volatile, ours }) => [name, { isVolatile: volatile, isOurs: ours }]),
    ),
    timeZone: zone,
    serverVersion,
  };
}

/** What is not analysed yet has no estimate in the catalogue, but mostly one in the statistics. */
const relationsQuery = `
  WITH RECURSIVE named AS (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = ANY ($1::text[]) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  ), tables AS (
    SELECT oid FROM named UNION SELECT i.indrelid FROM pg_index i JOIN named ON named.oid = i.indexrelid
  ), pointing AS (
    SELECT oid FROM tables
    UNION SELECT k.conrelid FROM pg_constraint k JOIN pointing p ON p.oid = k.confrelid WHERE k.contype = 'f'
  ), linked AS (
    SELECT oid FROM pointing
    UNION SELECT k.confrelid FROM pg_constraint k JOIN tables t ON t.oid = k.conrelid WHERE k.contype = 'f'
  ), family AS (
    SELECT oid FROM linked UNION SELECT i.inhrelid FROM pg_inherits i JOIN family f ON f.oid = i.inhparent
  )
  SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
         CASE WHEN c.reltuples > 0 THEN c.reltuples ELSE pg_stat_get_live_tuples(c.oid) END::float8 AS rows,
         (SELECT json_object_agg(a.attname, json_build_array(format_type(a.atttypid, NULL), format_type(a.atttypid, a.atttypmod), a.attnotnull))
            FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
         (SELECT json_agg(json_build_object('name', k.conname, 'type', k.contype, 'validated', k.convalidated, 'references', k.confrelid::int8,
                   'definition', CASE WHEN k.contype = 'c' THEN pg_get_constraintdef(k.oid) END,
                   'columns', (SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey)),
                   'referenced', (SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey))))
            FROM pg_constraint k WHERE k.conrelid = c.oid) AS constraints,
         (SELECT json_agg(i.inhparent::int8) FROM pg_inherits i WHERE i.inhrelid = c.oid) AS parents,
         coalesce(pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', false) AS is_default,
         (SELECT i.indrelid::int8::float8 FROM pg_index i WHERE i.indexrelid = c.oid) AS index_of,
         (SELECT json_agg(a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indexrelid = c.oid) AS index_columns,
         EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) AS has_triggers
    FROM family JOIN pg_class c ON c.oid = family.oid JOIN pg_namespace n ON n.oid = c.relnamespace
   ORDER BY n.nspname, c.relname`;

async function readSizes(
  client: Session["client"],
  oids: readonly number[],
): Promise<ReadonlyMap<number, number | null>> {
  const read = async (size: string): Promise<ReadonlyMap<number, number | null>> => {
    const { rows } = await client.query<{ oid: number; bytes: number | null }>(
      `SELECT c.oid::int8::float8 AS oid, (${size})::float8 AS bytes FROM pg_class c WHERE c.oid = ANY ($1::oid[])`,
      [oids],
    );
    return new Map(rows.map(({ oid, bytes }) => [oid, bytes]));
  };
  try {
    return await read("pg_total_relation_size(c.oid)");
  } catch (error) {
    if (codeOf(error) !== "55P03") throw error;
    return await read(
      `SELECT sum(p.relpages)::float8 * current_setting('block_size')::int FROM pg_class p
        WHERE p.oid IN (c.oid, c.reltoastrelid) OR p.oid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = c.oid)`,
    );
  }
}

async function readTypes(session: Session, types: readonly string[]): Promise<PlannedSchema["types"]> {
  const { client } = session;
  // A type that is not qualified is looked for as the migration will.
  const found = await underRolePath(
    session,
    async () =>
      await client.query<{ oid: string | null }>(
        `SELECT pg_catalog.to_regtype(t.text)::pg_catalog.oid AS oid
           FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY AS t (text, place) ORDER BY t.place`,
        [types],
      ),
  );
  const { rows } = await client.query<{ text: string; name: string; checked: boolean }>(
    `SELECT t.text, format_type(p.oid, NULL) AS name,
            p.typtype = 'd' AND (p.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = p.oid)) AS checked
       FROM unnest($1::text[], $2::oid[]) AS t (text, oid) JOIN pg_type p ON p.oid = t.oid`,
    [types, found.rows.map(({ oid }) => oid)],
  );
  return new Map(rows.map(({ text, name, checked }) => [text, { name, isChecked: checked }]));
}

function toRelation(row: RelationRow, sizes: ReadonlyMap<number, number | null>): PlannedRelation {
  const { schema, name, kind, rows, columns, is_default, index_columns, has_triggers } = row;
  return {
    schema,
    name,
    kind,
    isNew: false,
    rows,
    bytes: sizes.get(row.oid) ?? null,
    columns: new Map(
      Object.entries(columns ?? {}).map(([column, [type, full, notNull]]) => [
        column,
        { type, size: sizeIn(full), notNull },
      ]),
    ),
    constraints: new Map(),
    children: new Set(),
    isDefaultPartition: is_default,
    indexOf: undefined,
    indexColumns: index_columns ?? [],
    hasTriggers: has_triggers,
  };
}

/** `numeric(10,2)`: 10 and 2. */
function sizeIn(type: string): number[] {
  return (/\(([\d,-]+)\)/.exec(type)?.[1] ?? "").split(",").filter(Boolean).map(Number);
}

async function connect(row: RelationRow, byOid: ReadonlyMap<number, PlannedRelation>): Promise<void> {
  const relation = byOid.get(row.oid)!;
  for (const parent of row.parents ?? []) byOid.get(parent)?.children.add(relation);
  if (row.index_of !== null) Object.assign(relation, { indexOf: byOid.get(row.index_of) });
  for (const constraint of row.constraints ?? []) {
    const { name, type, validated, columns, references, referenced, definition } = constraint;
    const planned: PlannedConstraint = {
      kind: type === "c" ? "check" : type === "f" ? "foreign key" : "other",
      validated,
      columns: columns ?? [],
      proves: definition === null ? [] : await provenBy(definition),
      references: byOid.get(references),
      referencedColumns: referenced ?? [],
    };
    relation.constraints.set(name, planned);
  }
}

async function provenBy(definition: string): Promise<readonly string[]> {
  const statements = await parseStatements(`ALTER TABLE t ADD ${definition}`);
  if (isParseFailure(statements)) return [];
  const tree = statements[0]?.tree;
  if (tree === undefined || !("AlterTableStmt" in tree)) return [];
  const command = tree.AlterTableStmt.cmds?.[0];
  const constraint = command && "AlterTableCmd" in command ? command.AlterTableCmd.def : undefined;
  return constraint && "Constraint" in constraint ? provesNotNull(constraint.Constraint.raw_expr) : [];
}

/** A partitioned table holds nothing itself. */
function withPartitions(relation: PlannedRelation): PlannedRelation {
  const sum = (of: (one: PlannedRelation) => number | null): number | null =>
    [...relation.children].reduce<number | null>(
      (total, child) => {
        const more = of(withPartitions(child));
        return total === null || more === null ? (total ?? more) : total + more;
      },
      relation.kind === "p" ? 0 : of(relation),
    );
  if (relation.kind !== "p") return relation;
  return Object.assign(relation, { rows: sum(({ rows }) => rows), bytes: sum(({ bytes }) => bytes) });
}
