import type { LedgerTables } from "../ledger-tables.ts";
import { insertRunSql, scriptAuthor } from "../run-record.ts";
import type { Step } from "../run-steps.ts";
import { writeLiteral } from "../transaction-messages.ts";

/** The row of a run as `up` writes it, as SQL. In a transaction it is complete; `running` is only its beginning. */
export function runRow(
  tables: LedgerTables,
  { migration, texts, unfinished }: Step,
  state: "running" | "applied" | "reverted",
): string {
  const { file, direction, directives, statements } = migration;
  const isRunning = state === "running";
  return insertRunSql(
    tables,
    {
      file,
      direction,
      state,
      upText: texts.up,
      downText: texts.down,
      textsOnce: isRunning,
      directives,
      statementsDone: unfinished?.statementsDone ?? 0,
      statementsTotal: isRunning ? (statements?.length ?? 0) : undefined,
      attempts: 1,
      waitedMs: 0,
      // A transaction of our own began when the migration did.
      startedAt: "transaction",
    },
    writeLiteral,
    scriptAuthor,
  );
}

/** SQL, the newest run of a migration: under the lock nobody else adds one. */
export function newestRun({ runs }: LedgerTables, name: string): string {
  return `WHERE id = (SELECT pg_catalog.max(r.id) FROM ${runs} r WHERE r.name = ${writeLiteral(name)}::text)`;
}
