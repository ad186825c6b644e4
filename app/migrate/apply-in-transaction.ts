import { setTimeout as sleep } from "node:timers/promises";
import { runText } from "../database/run-text.ts";
import { guardSettings } from "../database/session.ts";
import { codeOf, retryable } from "../database/sqlstate.ts";
import { answerOf, queryTogether, rollBack, sendTogether } from "../database/transaction.ts";
import { AppError } from "../errors.ts";
import { runCode } from "./code-migration.ts";
import { serverError, summaryOf } from "./failure.ts";
import { librarySteps } from "./library.ts";
import { holdsLock, withoutNotices } from "./lock.ts";
import type { PreparedMigration } from "./prepare.ts";
import {
  cleanSession,
  keepLock,
  stopIfAborted,
  takeLockAgain,
  type RecordedTexts,
  type RunContext,
} from "./run-context.ts";
import { insertRunSql, type RunRecord } from "./run-record.ts";
import { largestParsed } from "./statements.ts";

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
  let pace: Pace = mayBeSentTogether(migration) ? "together" : "one by one";
  for (let attempt = 1; ; attempt++) {
    try {
      await attemptOnce(context, migration, texts, attempt, pace);
      return attempt;
    } catch (error) {
      if (error instanceof LockGivenUp) {
        // Rolled back. With a look at each answer the lock is taken again before the ledger is written, and said.
        await takeLockAgain(context, migration, file.name);
        pace = "one by one";
        attempt -= 1;
        continue;
      }
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

type Pace = "together" | "one by one";

/** A migration that gave up the lock was sent together with its record, which the server has refused. */
class LockGivenUp extends Error {}

/**
 * Whether messages may be on their way behind the text before it is known what it does: it was read, and neither takes
 * data from the client, which they would be taken for, nor ends the transaction. A long text waits for its turn so that
 * it and the record of it are not held in memory at the same time.
 */
function mayBeSentTogether({ file, text, parseFailure }: PreparedMigration): boolean {
  return file.kind === "sql" && parseFailure === undefined && text.length <= largestParsed;
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
  pace: Pace,
): Promise<void> {
  const { session } = context;
  try {
    const xid = await begin(context, migration);
    const record = await recordOf(context, migration, texts, attempt, xid);
    if (pace === "together") await runTogether(context, migration, record, xid);
    else await runOneByOne(context, migration, record, xid);
  } catch (error) {
    await rollBack(session);
    throw error;
  }
}

/** Opens the transaction in a clean session, and returns its id. */
async function begin(context: RunContext, migration: PreparedMigration): Promise<string> {
  const { session } = context;
  const { directives, keepsNobodyWaiting } = migration;
  const lockTimeout = directives.lockTimeout ?? (keepsNobodyWaiting ? 0 : context.lockTimeout);
  const opening = [
    "BEGIN",
    `SET LOCAL lock_timeout = ${lockTimeout}`,
    `SET LOCAL statement_timeout = ${directives.statementTimeout ?? 0}`,
    "SELECT pg_current_xact_id()::text AS xid",
  ];
  const [held, begun] = await sendTogether(session, () => [
    cleanSession(context, migration),
    queryTogether<{ xid: string }>(session, opening),
  ]);
  await keepLock(context, migration, undefined, answerOf(held));
  return answerOf(begun)!.xid;
}

/** The migration, its record and COMMIT, sent without waiting for what the server says of the one before. */
async function runTogether(
  context: RunContext,
  { text }: PreparedMigration,
  record: readonly string[],
  xid: string,
): Promise<void> {
  const { session } = context;
  const [ran, left, recorded, committed] = await sendTogether(session, () => [
    runText(session, text),
    leaveMigration(context),
    queryTogether(session, record),
    session.client.query("COMMIT"),
  ]);
  answerOf(ran);
  if (!isLeft(context, answerOf(left), xid).held) throw new LockGivenUp();
  answerOf(recorded);
  answerOf(committed);
}

/** The same, with a look at each answer before the next message. */
async function runOneByOne(
  context: RunContext,
  migration: PreparedMigration,
  record: readonly string[],
  xid: string,
): Promise<void> {
  const { session, signal } = context;
  if (migration.file.kind === "code") await runCode(session, migration, signal);
  else await runText(session, migration.text);
  const { held } = isLeft(context, await leaveMigration(context), xid);
  await keepLock(context, migration, migration.file.name, held);
  await queryTogether(session, record);
  await session.client.query("COMMIT");
}

/** What is known of the session when the migration has run. */
interface Left {
  readonly xid: string | null;
  readonly held: boolean;
  readonly ledger: boolean;
}

/** Back to our own role and settings, still inside the transaction, before the ledger is written. */
async function leaveMigration({ session, tables, lockKey }: RunContext): Promise<Left | undefined> {
  const literal = (text: string): string => session.client.escapeLiteral(text);
  return await queryTogether<Left>(session, [
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "RESET ALL",
    // RESET ALL has taken the guards away, and we may be killed while the ledger or COMMIT keeps us waiting.
    ...guardSettings(session),
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL statement_timeout = 0",
    withoutNotices,
    `SELECT pg_current_xact_id_if_assigned()::text AS xid, ${holdsLock(lockKey)} AS held,
            to_regclass(${literal(tables.migrations)}) IS NOT NULL AND to_regclass(${literal(tables.runs)}) IS NOT NULL AS ledger`,
  ]);
}

/** @throws AppError `migration-failed` when the text has ended the transaction, or dropped the ledger */
function isLeft({ tables }: RunContext, left: Left | undefined, xid: string): Left {
  if (left === undefined || left.xid !== xid) {
    throw new AppError(
      "migration-failed",
      "the migration ended its own transaction (COMMIT or ROLLBACK inside); take that out of it",
      { details: { endedTransaction: true } },
    );
  }
  if (!left.ledger) {
    throw new AppError(
      "migration-failed",
      `the migration dropped Headgate's ledger in schema "${tables.schema}", so that it could not be recorded. Leave its tables alone; MIGRATIONS_SCHEMA keeps them in a schema of their own`,
    );
  }
  return left;
}

/**
 * The statements, for one message, that record the migration. The first fails outside the transaction that has run it,
 * and without the lock: they are sent before it is known whether the migration has left both alone.
 */
async function recordOf(
  { session, tables, lockKey, waitedMs }: RunContext,
  { file, direction, directives }: PreparedMigration,
  texts: RecordedTexts,
  attempts: number,
  xid: string,
): Promise<readonly string[]> {
  const run: RunRecord = {
    file,
    direction,
    state: direction === "up" ? "applied" : "reverted",
    upText: texts.up,
    downText: texts.down,
    directives,
    statementsDone: 0,
    statementsTotal: undefined,
    attempts,
    waitedMs,
    startedAt: "transaction",
  };
  const literal = (value: string | number): string =>
    typeof value === "number" ? String(value) : session.client.escapeLiteral(value);
  return [
    `SELECT 1 / (coalesce(pg_current_xact_id_if_assigned()::text, '') = '${xid}' AND ${holdsLock(lockKey)})::int`,
    insertRunSql(tables, run, literal),
    ...(await librarySteps(tables, { name: file.name, direction })),
    "RESET client_min_messages",
  ];
}
