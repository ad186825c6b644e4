import type { LedgerTables } from "./ledger-tables.ts";
import type { Write } from "./run-record.ts";

/**
 * SQL, node-pg-migrate's own row in the table of applied names. A name that is there already is not written again, so
 * that a second runner finds that it has written nothing.
 */
export function addNameSql({ migrations }: LedgerTables, name: string, write: Write): string {
  return `INSERT INTO ${migrations} (name, run_on) SELECT ${write(name)}::varchar, pg_catalog.now() WHERE NOT EXISTS (SELECT FROM ${migrations} e WHERE e.name::text = ${write(name)}::text)`;
}

/** SQL, the removal of that row. */
export function removeNameSql({ migrations }: LedgerTables, name: string, write: Write): string {
  return `DELETE FROM ${migrations} WHERE name::text = ${write(name)}::text`;
}

export function markNameSql(
  tables: LedgerTables,
  name: string,
  direction: "up" | "down",
  write: Write,
): string {
  return direction === "up" ? addNameSql(tables, name, write) : removeNameSql(tables, name, write);
}

/**
 * SQL, fails (22012) unless each of these statements has written exactly one row. A trigger that returns NULL writes
 * none and is no error by itself.
 */
export function writesOneRowEach(statements: readonly string[]): string {
  const parts = statements.map((text, index) => `w${index + 1} AS (${text} RETURNING 1)`);
  const counts = statements.map((_, index) => `(SELECT pg_catalog.count(*) FROM w${index + 1}) = 1`);
  return `WITH ${parts.join(", ")} SELECT 1 / (${counts.join(" AND ")})::int AS written`;
}

/**
 * SQL, fails (22012) unless the ledger says now that this migration is applied, or is not: a trigger may have taken the
 * row away behind the statement that wrote it.
 */
export function assertRecorded(
  { migrations, runs }: LedgerTables,
  name: string,
  direction: "up" | "down",
  write: Write,
): string {
  const [count, state] = direction === "up" ? [1, "applied"] : [0, "reverted"];
  return `SELECT 1 / ((SELECT pg_catalog.count(*) FROM ${migrations} e WHERE e.name::text = ${write(name)}::text) = ${count} AND coalesce((SELECT r.state FROM ${runs} r WHERE r.name = ${write(name)}::text ORDER BY r.id DESC LIMIT 1), '') = '${state}')::int AS recorded`;
}
