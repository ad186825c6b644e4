import type { LedgerTables } from "../ledger-tables.ts";
import type { Queryable } from "../queryable.ts";
import { insertRun } from "../run-progress.ts";
import { insertRunSql, scriptAuthor, type RunRecord, type Write } from "../run-record.ts";

/**
 * The run that says who consented to a ledger in a database that was not empty, and when. It has no migration's name,
 * and its state is not `applied`: no reader of the history counts it as a migration.
 *
 * @param to what was consented to, as it was said
 */
function consentRecord(to: string, startedAt: RunRecord["startedAt"]): RunRecord {
  return {
    file: { version: 0n, name: consentName, checksum: "", kind: "sql" },
    direction: "baseline",
    state: "reverted",
    upText: `-- ${to.replaceAll("\n", " ")}`,
    downText: undefined,
    directives: undefined,
    statementsDone: 0,
    statementsTotal: undefined,
    attempts: 1,
    waitedMs: 0,
    startedAt,
  };
}

const consentName = "empty-ledger";

/** Writes it down, once in the life of a ledger. The caller holds the migration lock. */
export async function recordConsent(database: Queryable, tables: LedgerTables, to: string): Promise<void> {
  const { rows } = await database.query(
    `SELECT FROM ${tables.runs} r WHERE r.name::text = '${consentName}'::text LIMIT 1`,
  );
  if (rows.length === 0) await insertRun(database, tables, consentRecord(to, new Date()));
}

/** The same as SQL of a script. */
export function consentSql(tables: LedgerTables, to: string, write: Write): string {
  return insertRunSql(tables, consentRecord(to, "transaction"), write, scriptAuthor);
}
