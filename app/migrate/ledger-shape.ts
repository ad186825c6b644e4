import { AppError } from "../errors.ts";
import { literal } from "./literal.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";

/** Something with a name of the ledger that is no ordinary table: name, `relkind`, `relpersistence`. */
export type OddRelation = readonly [name: string, kind: string, persistence: string];

/** SQL, such relations as JSON; NULL where there is none. */
export function oddRelations({ migrations, runs }: LedgerTables): string {
  const names = [migrations, runs].map((name) => `pg_catalog.to_regclass(${literal(name)})::oid`).join(", ");
  return `(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.oid::regclass::text, c.relkind::text, c.relpersistence::text))
      FROM pg_catalog.pg_class c WHERE c.oid IN (${names}) AND (c.relkind <> 'r'::"char" OR c.relpersistence <> 'p'::"char"))`;
}

const kinds: Readonly<Record<string, string>> = {
  v: "a view",
  m: "a materialized view",
  S: "a sequence",
  i: "an index",
  I: "an index",
  c: "a type",
  f: "a foreign table",
  p: "a partitioned table",
};

/** @throws AppError `history-conflict` where there is one */
export function refuseOddRelations(odd: readonly OddRelation[] | null): void {
  const [first] = odd ?? [];
  if (first === undefined) return;
  const [name, kind, persistence] = first;
  if (kind === "r") {
    const what = persistence === "u" ? "UNLOGGED: a crash of the server empties it" : "temporary";
    const advice = persistence === "u" ? ` Make it safe: ALTER TABLE ${name} SET LOGGED.` : "";
    throw new AppError(
      "history-conflict",
      `The table ${name} is ${what}, and every migration would run again.${advice}`,
      { details: { relation: name } },
    );
  }
  throw new AppError(
    "history-conflict",
    `${name} is ${kinds[kind] ?? "no table"}, and Headgate keeps its ledger in an ordinary table of that name. ` +
      "Rename it, or set MIGRATIONS_TABLE or MIGRATIONS_SCHEMA to keep the ledger elsewhere.",
    { details: { relation: name } },
  );
}

/** What every release writes to the table of runs. */
const requiredOfRuns = [
  "id",
  "version",
  "name",
  "kind",
  "direction",
  "state",
  "checksum",
  "up_text",
  "down_text",
  "directives",
  "statements_done",
  "statement_started",
  "started_at",
  "finished_at",
];

/**
 * Explains why the ledger could not be read, where it is the fault of what has its names.
 *
 * @throws AppError `history-conflict`
 */
export async function refuseOddLedger(database: Queryable, tables: LedgerTables): Promise<void> {
  const { rows } = await database.query(
    `SELECT ${oddRelations(tables)} AS odd, pg_catalog.to_regclass($1) IS NOT NULL AS runs,
            ARRAY(SELECT n.name FROM pg_catalog.unnest($2::text[]) WITH ORDINALITY AS n (name, place)
                   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                                      WHERE a.attrelid = pg_catalog.to_regclass($1)::oid AND a.attname::text = n.name AND NOT a.attisdropped)
                   ORDER BY n.place) AS lacking`,
    [tables.runs, requiredOfRuns],
  );
  const found = rows[0] as { odd: OddRelation[] | null; runs: boolean; lacking: string[] };
  refuseOddRelations(found.odd);
  if (!found.runs || found.lacking.length === 0) return;
  throw new AppError(
    "history-conflict",
    `The table ${tables.runs} is not one that Headgate made: it lacks ${found.lacking.join(", ")}. ` +
      "Rename it, or set MIGRATIONS_TABLE or MIGRATIONS_SCHEMA to keep the ledger elsewhere.",
    { details: { relation: tables.runs, lacking: found.lacking } },
  );
}
