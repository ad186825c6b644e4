import { setTimeout as sleep } from "node:timers/promises";
import { ownSettings } from "../database/own-settings.ts";
import { runText } from "../database/run-text.ts";
import { codeOf, retryable } from "../database/sqlstate.ts";
import { answerOf, queryTogether, rollBack, sendTogether } from "../database/transaction.ts";
import { runCode } from "./code-migration.ts";
import { serverError, summaryOf } from "./failure.ts";
import { adoptNewSettings } from "./new-session-settings.ts";
import type { PreparedMigration } from "./prepare.ts";
import {
  keepLock,
  stopIfAborted,
  takeLockAgain,
  type RecordedTexts,
  type RunContext,
} from "./run-context.ts";
import { largestParsed } from "./statements.ts";
import {
  assertLock,
  assertTransaction,
  commitAndOpen,
  leaveStatements,
  LockGivenUp,
  openTransaction,
  recordStatements,
  sendBehind,
  type Attempt,
  type Opened,
} from "./transaction-messages.ts";

/** What one migration of a run leaves to the next. */
export interface Handover {
  /** The migration behind this one. */
  readonly next: { readonly migration: PreparedMigration; readonly texts: RecordedTexts } | undefined;
  /** What was made ready for a migration while the one before was running. */
  ready: Ready | undefined;
  /** How often a migration was tried that failed. */
  attempts?: number;
}

interface Ready extends Opened {
  readonly migration: PreparedMigration;
  readonly record: readonly string[];
}

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
  handover: Handover,
): Promise<number> {
  const { directives, file } = migration;
  const retries = directives.retries ?? context.retries;
  const firstStarted = new Date();
  let pace: Pace = mayBeSentTogether(migration) ? "together" : "one by one";
  for (let attempt = 1; ; attempt++) {
    try {
      await attemptOnce(context, migration, texts, { number: attempt, firstStarted }, pace, handover);
      return attempt;
    } catch (error) {
      if (error instanceof LockGivenUp && pace === "together") {
        // Rolled back. With a look at each answer the lock is taken again before the ledger is written, and said.
        await takeLockAgain(context, migration, file.name);
        pace = "one by one";
        attempt -= 1;
        continue;
      }
      if (!retryable.has(codeOf(serverError(error)) ?? "") || attempt > retries) {
        handover.attempts = attempt;
        throw error;
      }
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

/**
 * Whether messages may be on their way behind the text before it is known what it does: it was read, and neither takes
 * data from the client, which they would be taken for, nor ends the transaction. A long text waits for its turn so that
 * it and the record of it are not held in memory at the same time.
 */
function mayBeSentTogether({ file, text, directives, parseFailure }: PreparedMigration): boolean {
  if (directives.noTransaction) return false;
  return file.kind === "sql" && parseFailure === undefined && text.length <= largestParsed;
}

/** A transaction of another kind is opened in a message of its own. */
function mayBeOpenedAhead(migration: PreparedMigration): boolean {
  return !migration.transactionModes && mayBeSentTogether(migration);
}

/** Milliseconds before the next attempt: doubling from 100 ms to 5 s, less up to half of it by chance. */
export function backOff(attempt: number): number {
  return Math.min(5000, 100 * 2 ** (attempt - 1)) * (1 - Math.random() / 2);
}

async function attemptOnce(
  context: RunContext,
  migration: PreparedMigration,
  texts: RecordedTexts,
  attempt: Attempt,
  pace: Pace,
  handover: Handover,
): Promise<void> {
  const { session } = context;
  try {
    const ready = takeOver(handover, migration);
    const { xid, held, settings } = ready ?? (await openTransaction(context, migration));
    await keepLock(context, migration, undefined, held);
    await adoptNewSettings(session, settings);
    const record = ready?.record ?? recordStatements(context, migration, texts, attempt);
    if (pace === "together") await runTogether(context, migration, record, xid, handover);
    else await runOneByOne(context, migration, record, xid);
  } catch (error) {
    await rollBack(session, ownSettings);
    throw error;
  }
}

function takeOver(handover: Handover, migration: PreparedMigration): Ready | undefined {
  const ready = handover.ready?.migration === migration ? handover.ready : undefined;
  handover.ready = undefined;
  return ready;
}

/** The migration, its record and COMMIT, sent without waiting for what the server says of the one before. */
async function runTogether(
  context: RunContext,
  { text }: PreparedMigration,
  record: readonly string[],
  xid: string,
  handover: Handover,
): Promise<void> {
  const { session } = context;
  const next = handover.next && mayBeOpenedAhead(handover.next.migration) ? handover.next : undefined;
  const sent = sendTogether(session, () => {
    const run = runText(session, text);
    const messages = messagesBehind(context, record, xid).map((message) => sendBehind(context, message, xid));
    return [commitAndOpen(context, next?.migration), run, ...messages];
  });
  // While the server is at work, what comes next is made ready.
  const nextRecord =
    next &&
    recordStatements({ ...context, waitedMs: 0 }, next.migration, next.texts, {
      number: 1,
      firstStarted: new Date(),
    });
  const [committed, ...before] = await sent;
  for (const answer of before) answerOf<unknown>(answer);
  const opened = answerOf(committed);
  if (next === undefined) return;
  if (opened === undefined) await rollBack(session, ownSettings);
  else handover.ready = { migration: next.migration, record: nextRecord!, ...opened };
}

/**
 * What is sent behind a migration. The assertions fail where it has not left the transaction and the lock alone, and
 * keep what stands behind them in the message from being run. The server reads a whole message in the encoding that it
 * finds: what is not ASCII waits for the message in which the migration's settings are gone.
 */
function messagesBehind(
  context: RunContext,
  record: readonly string[],
  xid: string,
): readonly (readonly string[])[] {
  const leave = leaveStatements(context);
  const assertions = [assertTransaction(xid), ...assertLock(context)];
  return record.every(isAsciiText)
    ? [[...leave, ...assertions, ...record]]
    : [leave, [...assertions, ...record]];
}

function isAsciiText(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- they are ASCII.
  return /^[\0-\x7F]*$/.test(text);
}

/** The same, with a look at each answer before the next message. */
async function runOneByOne(
  context: RunContext,
  migration: PreparedMigration,
  record: readonly string[],
  xid: string,
): Promise<void> {
  const { session, signal } = context;
  if (migration.file.kind === "code") await runCode(session, migration, signal, context.listener);
  else await runText(session, migration.text);
  await sendBehind(context, [...leaveStatements(context), assertTransaction(xid)], xid);
  await keepLock(context, migration, migration.file.name);
  await sendBehind(context, [assertTransaction(xid), ...assertLock(context), ...record], xid);
  await queryTogether(session, ["COMMIT"]);
}
