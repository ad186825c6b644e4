import type { Session } from "../database/session.ts";
import { codeOf } from "../database/sqlstate.ts";
import { inTransaction } from "../database/transaction.ts";

/** A table by its name now; without `table`, all tables of a schema. */
export interface TableName {
  readonly schema: string | undefined;
  readonly table: string | undefined;
}

/** The name as a person writes it. */
export function written({ schema, table }: TableName): string {
  return [schema, table].filter((part) => part !== undefined).join(".");
}

export interface TableEstimate {
  /** The place in the list of those that were asked for. */
  readonly wanted: number;
  readonly table: string;
  readonly rows: number | null;
}

/**
 * The tables of these names that are there, with how many rows they hold as PostgreSQL's planner estimates it. A table
 * that somebody has locked is not waited for: then nothing is known.
 */
export async function readTableEstimates(
  session: Session,
  names: readonly TableName[],
): Promise<TableEstimate[]> {
  const begin = ["BEGIN READ ONLY", "SET LOCAL lock_timeout = '500ms'"];
  try {
    return await inTransaction(session, begin, async () => await queryEstimates(session, names));
  } catch (error) {
    if (codeOf(error) !== "55P03") throw error;
    return names.map((name, wanted) => ({ wanted, table: written(name), rows: null }));
  }
}

async function queryEstimates(
  { client, searchPath }: Pick<Session, "client" | "searchPath">,
  names: readonly TableName[],
): Promise<TableEstimate[]> {
  // The estimate is the planner's: rows for each page when last counted, times the pages of now. A table's partitions
  // and children are part of it.
  const { rows } = await client.query(
    `WITH RECURSIVE named AS (
       SELECT w.place::int - 1 AS place, c.oid, CASE WHEN ${isFirst} THEN '' ELSE n.nspname || '.' END || c.relname AS name
         FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) WITH ORDINALITY AS w(schema_name, table_name, place)
         JOIN pg_catalog.pg_class c ON c.relkind IN ('r', 'p') AND (w.table_name IS NULL OR c.relname = w.table_name)
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE CASE WHEN w.schema_name IS NULL THEN ${isFirst} ELSE n.nspname = w.schema_name END
     ), family AS (
       SELECT place, oid AS head, oid FROM named
       UNION
       SELECT f.place, f.head, i.inhrelid FROM family f JOIN pg_catalog.pg_inherits i ON i.inhparent = f.oid
     ), counted AS (
       SELECT f.place, f.head,
              CASE WHEN c.relkind = 'p' OR pg_catalog.pg_relation_size(c.oid) = 0 THEN 0
                   WHEN c.reltuples >= 0 AND c.relpages > 0
                   THEN c.reltuples / c.relpages * (pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::float8)
                   ELSE nullif(pg_catalog.pg_stat_get_live_tuples(c.oid), 0)::float8 END AS rows
         FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.oid
     )
     SELECT n.place AS wanted, n.name AS table, pg_catalog.round(CASE WHEN pg_catalog.bool_or(c.rows IS NULL) THEN NULL ELSE pg_catalog.sum(c.rows) END) AS rows
       FROM named n JOIN counted c ON c.place = n.place AND c.head = n.oid
      GROUP BY n.place, n.oid, n.name ORDER BY n.place, n.name COLLATE "C"`,
    [names.map(({ schema }) => schema ?? null), names.map(({ table }) => table ?? null), searchPath],
  );
  return rows as TableEstimate[];
}

/** SQL, the relation is the one that its bare name means on the role's own search path, which is not ours. */
const isFirst = `coalesce(n.nspname::text = (
  SELECT p.name FROM pg_catalog.unnest($3::text[]) WITH ORDINALITY AS p(name, place)
    JOIN pg_catalog.pg_namespace s ON s.nspname::text = p.name
    JOIN pg_catalog.pg_class o ON o.relnamespace = s.oid AND o.relname = c.relname
   ORDER BY p.place LIMIT 1), false)`;
