import type { CatalogueSource } from "../../migrate/catalogue/read.ts";

/** The rows of one table: how many, and a hash over all of them, whatever their order and that of the columns. */
export interface TableData {
  readonly table: string;
  readonly rows: number;
  readonly hash: string | null;
}

/** What is in every table of a database, but for those of `without` (`schema.name`, quoted where SQL would). */
export async function readData(
  source: CatalogueSource,
  without: readonly string[] = [],
): Promise<TableData[]> {
  const { rows } = await source.query(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1`,
  );
  const tables = (rows as { name: string }[])
    .map(({ name }) => name)
    .filter((name) => !without.includes(name));
  const data: TableData[] = [];
  for (const table of tables) {
    const read = await source.query(
      `SELECT count(*)::int AS rows, md5(string_agg(row, E'\\n' ORDER BY row COLLATE "C")) AS hash FROM (SELECT to_jsonb(t)::text AS row FROM ONLY ${table} t) AS all_rows`,
    );
    data.push({ table, ...(read.rows[0] as Omit<TableData, "table">) });
  }
  return data;
}
