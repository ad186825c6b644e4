import { setTimeout as sleep } from "node:timers/promises";
import { runText } from "../database/run-text.ts";
import { guardSettings } from "../database/session.ts";
import { codeOf, retryable } from "../database/sqlstate.ts";
import { inTransaction, queryTogether } from "../database/transaction.ts";
import { AppError } from "../errors.ts";
import { runCode } from "./code-migration.ts";
import { serverError, summaryOf } from "./failure.ts";
import { applyThroughLibrary } from "./library.ts";
import { holdsLock } from "./lock.ts";
import type { PreparedMigration } from "./prepare.ts";
import { beginClean, keepLock, stopIfAborted, type RecordedTexts, type RunContext } from "./run-context.ts";
import { insertRun } from "./run-record.ts";

/**
 * Runs a migration in one transaction together with its ledger rows, so that either all of it is there or nothing is,
 * whenever we are killed. A transaction that could not get its locks is tried again from its beginning.
 *
 * @returns the number of attempts
 * @throws what the last attempt threw
 */
export async function applyInTransaction(
  context: RunContext,
  migration: PreparedMigration,
  texts: RecordedTexts,
): Promise<number> {
  const { directives, file } = migration;
  const retries = directives.retries ?? context.retries;
  for (let attempt = 1; ; attempt++) {
    try {
      await attemptOnce(context, migration, texts, attempt);
      return attempt;
    } catch (error) {
      if (!retryable.has(codeOf(serverError(error)) ?? "") || attempt > retries) throw error;
      stopIfAborted(context);
      const delay = backOff(attempt);
      context.listener({ type: "retry", name: file.name, attempt, retries, delay, reason: summaryOf(error) });
      await sleep(delay, undefined, context.signal === undefined ? {} : { signal: context.signal }).catch(
        () => undefined,
      );
      stopIfAborted(context);
    }
  }
}

/** Milliseconds before the next attempt: doubling from 100 ms to 5 s, less up to half of it by chance. */
export function backOff(attempt: number): number {
  return Math.min(5000, 100 * 2 ** (attempt - 1)) * (1 - Math.random() / 2);
}

async function attemptOnce(
  context: RunContext,
  migration: PreparedMigration,
  texts: RecordedTexts,
  attempt: number,
): Promise<void> {
  const { session, tables } = context;
  const { file, direction, directives } = migration;
  await beginClean(context, migration);
  const startedAt = new Date();
  const lockTimeout = directives.lockTimeout ?? (migration.keepsNobodyWaiting ? 0 : context.lockTimeout);
  const opening = [
    "BEGIN",
    `SET LOCAL lock_timeout = ${lockTimeout}`,
    `SET LOCAL statement_timeout = ${directives.statementTimeout ?? 0}`,
    "SELECT pg_current_xact_id()::text AS xid",
  ];
  const work = async (xid: string): Promise<void> => {
    if (file.kind === "code") await runCode(session, migration, context.signal);
    else if (migration.text.trim() !== "") await runText(session, migration.text);
    await leaveMigration(context, migration, xid);
    await insertRun(session.client, tables, {
      file,
      direction,
      state: direction === "up" ? "applied" : "reverted",
      upText: texts.up,
      downText: texts.down,
      directives,
      statementsDone: 0,
      statementsTotal: undefined,
      attempts: attempt,
      waitedMs: context.waitedMs,
      startedAt,
    });
  };
  await inTransaction(session, opening, async (begun) => {
    await applyThroughLibrary(session, tables, { name: file.name, direction }, async () =>
      work(begun?.["xid"] as string),
    );
  });
}

/**
 * Back to our own role and settings, still inside the transaction, before the ledger is written.
 *
 * @throws AppError `migration-failed` when the text has ended the transaction, `lock-lost` when it gave up the lock
 */
async function leaveMigration(context: RunContext, migration: PreparedMigration, xid: string): Promise<void> {
  const { session, tables, lockKey } = context;
  const literal = (text: string): string => session.client.escapeLiteral(text);
  const ours = [
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "RESET ALL",
    // RESET ALL has taken the guards away, and we may be killed while the ledger or COMMIT keeps us waiting.
    ...guardSettings(session),
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL statement_timeout = 0",
    `SELECT pg_current_xact_id_if_assigned()::text AS xid, ${holdsLock(lockKey)} AS held,
            to_regclass(${literal(tables.migrations)}) IS NOT NULL AND to_regclass(${literal(tables.runs)}) IS NOT NULL AS ledger`,
  ];
  const now = await queryTogether<{ xid: string | null; held: boolean; ledger: boolean }>(session, ours);
  if (now === undefined || now.xid !== xid) {
    throw new AppError(
      "migration-failed",
      "the migration ended its own transaction (COMMIT or ROLLBACK inside); take that out of it",
      { details: { endedTransaction: true } },
    );
  }
  if (!now.ledger) {
    throw new AppError(
      "migration-failed",
      `the migration dropped Headgate's ledger in schema "${tables.schema}", so that it could not be recorded. Leave its tables alone; MIGRATIONS_SCHEMA keeps them in a schema of their own`,
    );
  }
  await keepLock(context, migration, migration.file.name, now.held);
}
