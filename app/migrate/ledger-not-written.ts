import { codeOf } from "../database/sqlstate.ts";
import { AppError, messageOf } from "../errors.ts";
import type { LedgerTables } from "./ledger-tables.ts";

/** What the server says when a rule or a trigger of somebody else stands between us and a row of the ledger. */
const swallowed: ReadonlySet<string> = new Set([
  "22012", // division_by_zero: our own assertion
  "0A000", // feature_not_supported: RETURNING from a table with an INSTEAD rule
]);

/**
 * The error of a write to the ledger that did not write its row. Any other error of the server is returned as it is.
 *
 * @param cause undefined: the statement succeeded and wrote nothing
 */
export function ledgerNotWritten({ migrations, runs }: LedgerTables, cause: unknown): unknown {
  if (cause instanceof AppError) return cause;
  const code = codeOf(cause);
  if (code === "23505") {
    return new AppError(
      "lock-lost",
      `another runner has recorded this migration in ${migrations} in the meantime. This run stops here; the other one goes on.`,
      { cause },
    );
  }
  // Our own statements have none: it is a trigger of somebody else that failed.
  const { where } = (cause ?? {}) as { where?: string };
  if (where !== undefined && where !== "") {
    return new AppError(
      "history-conflict",
      `a trigger on ${migrations} or ${runs} failed: ${messageOf(cause)} (${where.split("\n", 1)[0]}). Headgate's own statements run with search_path = pg_catalog. ` +
        "Take the trigger off these two tables, or qualify the names in its function; MIGRATIONS_SCHEMA keeps the two tables in a schema of their own.",
      { cause, details: { ledger: [migrations, runs] } },
    );
  }
  if (cause !== undefined && !swallowed.has(code ?? "")) return cause;
  return new AppError(
    "history-conflict",
    `a row that Headgate wrote to its ledger is not there: a trigger, a rule or the migration itself changes ${migrations} or ${runs}. ` +
      "Without that row the migration would run again. Take that trigger or rule off these two tables; MIGRATIONS_SCHEMA keeps them in a schema of their own.",
    { cause, details: { ledger: [migrations, runs] } },
  );
}
