import { runText } from "../database/run-text.ts";
import { guardSettings } from "../database/session.ts";
import { codeOf } from "../database/sqlstate.ts";
import { AppError } from "../errors.ts";
import { serverError, summaryOf } from "./failure.ts";
import { dropLeftovers, readIndex } from "./invalid-index.ts";
import type { PreparedMigration } from "./prepare.ts";
import { asOurselves } from "./recorded-transaction.ts";
import { keepLock, type RunContext } from "./run-context.ts";
import { recordProgress, recordStatementStarted } from "./run-progress.ts";
import type { Statement } from "./statements.ts";

/**
 * A statement that PostgreSQL takes only outside a transaction: announced in the ledger before and recorded after. What
 * an interruption leaves of it is repaired, or recognised as done.
 */
export async function runBare(
  context: RunContext,
  migration: PreparedMigration,
  statement: Statement,
  index: number,
  id: string,
  wasInterrupted: boolean,
): Promise<void> {
  const { session, tables, listener } = context;
  const { concurrently } = statement;
  const warn = (text: string): void => listener({ type: "warning", name: migration.file.name, text });
  if (concurrently !== undefined) {
    const dropped = await dropLeftovers(session, concurrently);
    if (dropped.length > 0)
      warn(`dropped ${dropped.join(", ")}: INVALID, left by an interrupted build; it is built again`);
  }
  await asOurselves(session, async () => await recordStatementStarted(session.client, tables, id, index));
  if (
    wasInterrupted &&
    concurrently?.action === "create" &&
    (await readIndex(session, concurrently))?.isValid
  ) {
    warn(`the index ${concurrently.index} was finished by the interrupted run`);
  } else {
    const statementTimeout = migration.directives.statementTimeout ?? 0;
    const settings = [
      ...guardSettings(session),
      "SET lock_timeout = 0",
      `SET statement_timeout = ${statementTimeout}`,
    ];
    await session.client.query(settings.join("; "));
    await runText(session, statement.text).catch(async (error: unknown) => {
      if (
        wasInterrupted &&
        alreadyDone.has(codeOf(serverError(error)) ?? "") &&
        repeatedMeansDone.has(statement.node)
      ) {
        return warn(`statement ${index + 1} was finished by the interrupted run (${summaryOf(error)})`);
      }
      if (concurrently?.action === "create") {
        const dropped = await dropLeftovers(session, concurrently).catch(() => []);
        if (dropped.length > 0) warn(`the failed build left ${dropped.join(", ")} INVALID; it was dropped`);
      }
      throw error;
    });
  }
  if (concurrently?.action === "create" && (await readIndex(session, concurrently))?.isValid === false) {
    throw new AppError("migration-failed", `the index ${concurrently.index} is INVALID after it was built`);
  }
  await keepLock(context, migration, `${migration.file.name}, statement ${index + 1},`);
  await asOurselves(session, async () => await recordProgress(session.client, tables, id, index + 1, 0));
}

/** The object is there already, or gone already: 42P04 … duplicate, 42704 … undefined. */
const alreadyDone: ReadonlySet<string> = new Set([
  "42P04",
  "42P07",
  "42710",
  "42P06",
  "42704",
  "42P01",
  "3D000",
]);

const repeatedMeansDone: ReadonlySet<string> = new Set([
  "DropStmt",
  "CreatedbStmt",
  "DropdbStmt",
  "CreateTableSpaceStmt",
  "DropTableSpaceStmt",
  "CreateSubscriptionStmt",
  "DropSubscriptionStmt",
]);
