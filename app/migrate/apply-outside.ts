import { setTimeout as sleep } from "node:timers/promises";
import { runText, TextFailure } from "../database/run-text.ts";
import { roleSettings } from "../database/role-settings.ts";
import { resetSession, resetStatements } from "../database/session.ts";
import { codeOf, retryable } from "../database/sqlstate.ts";
import { answerOf, inTransaction, queryTogether, sendTogether } from "../database/transaction.ts";
import { messageOf } from "../errors.ts";
import { backOff } from "./apply-in-transaction.ts";
import { leavesTraces, runBare } from "./bare-statement.ts";
import { generateStatements } from "./generated-statements.ts";
import { describeFailure, endedSession, serverError, summaryOf } from "./failure.ts";
import { mustBeSettled } from "./half-done.ts";
import type { UnfinishedRun } from "./ledger.ts";
import { recordName } from "./run-progress.ts";
import { adoptNewSettings } from "./new-session-settings.ts";
import type { PreparedMigration } from "./prepare.ts";
import { asOurselves, inRecordedTransaction } from "./recorded-transaction.ts";
import { beginClean, keepLock, stopIfAborted, type RecordedTexts, type RunContext } from "./run-context.ts";
import {
  finishRun,
  insertRun,
  recordProgress,
  recordResumeBlocked,
  recordStatementStarted,
  recordStatementsTotal,
} from "./run-progress.ts";
import { createSessionTracker } from "./session-state.ts";
import type { RunRecord } from "./run-record.ts";
import type { Statement } from "./statements.ts";

/**
 * Runs a no-transaction migration statement by statement. Each statement that can share a transaction with its record
 * does, so that it happens exactly once whenever we are killed; the others (CONCURRENTLY, VACUUM …) are announced in
 * the ledger before and recorded after, and what an interruption leaves of them is repaired or recognised.
 *
 * @throws what a statement threw; the ledger says how far the run came
 */
export async function applyOutsideTransaction(
  context: RunContext,
  migration: PreparedMigration,
  texts: RecordedTexts,
  unfinished: UnfinishedRun | undefined,
): Promise<void> {
  const { session, tables } = context;
  const { file, direction, directives, statements } = migration;
  await beginClean(context, migration);
  const resumeAt = unfinished?.statementsDone ?? 0;
  const interrupted = unfinished?.statementStarted ?? undefined;
  const record: RunRecord = {
    file,
    direction,
    state: "running",
    intent: texts.intent,
    upText: texts.up,
    downText: texts.down,
    textsOnce: true,
    directives,
    statementsDone: resumeAt,
    // Code tells its number later: until then that of the run before holds.
    statementsTotal: statements?.length ?? unfinished?.statementsTotal ?? undefined,
    // Carried on, or a run that is killed before it gets there would let the next one forget it.
    statementStarted: interrupted,
    attempts: 1,
    waitedMs: context.waitedMs,
    startedAt: new Date(),
  };
  // Our record, and behind it, in the same breath, the session as the migration may count on it.
  const [inserted, cleaned] = await sendTogether(session, () => [
    insertRun(session.client, tables, record),
    queryTogether<{ settings: string | null }>(session, [
      ...resetStatements(session, `migrate ${direction} ${file.name}`),
      `SELECT ${roleSettings} AS settings`,
    ]),
  ]);
  const id = answerOf(inserted);
  const settings = answerOf(cleaned)?.settings ?? null;
  try {
    await adoptNewSettings(session, settings);
    if (statements === undefined) {
      const generated = await generateStatements(
        session,
        migration,
        unfinished,
        context.signal,
        context.listener,
      );
      await asOurselves(
        session,
        async () => await recordStatementsTotal(session.client, tables, id, generated.length),
      );
      await runStatements(context, migration, generated, id, resumeAt, interrupted);
    } else await runStatements(context, migration, statements, id, resumeAt, interrupted);
    await resetSession(session, `migrate ${direction} ${file.name}`);
    await keepLock(context, migration, file.name);
    await inTransaction(session, ["BEGIN"], async () => {
      await finishRun(session.client, tables, id, { state: direction === "up" ? "applied" : "reverted" });
      await recordName(session.client, tables, file.name, direction);
    });
  } catch (error) {
    await recordFailure(context, migration, id, error);
    throw error;
  }
}

async function runStatements(
  context: RunContext,
  migration: PreparedMigration,
  statements: readonly Statement[],
  id: string,
  resumeAt: number,
  interrupted: number | undefined,
): Promise<void> {
  const { session, listener } = context;
  const { file, directives } = migration;
  // What earlier statements set for the session is gone with the session that was killed.
  const done = statements.slice(0, resumeAt);
  const forgotten = done.findLastIndex(({ forgetsSession }) => forgetsSession);
  for (const { setsSession, text } of done.slice(forgotten + 1))
    if (setsSession) await runText(session, text);
  const tracker = createSessionTracker(session);
  await tracker.begin();
  let blocked: string | null = null;
  let wasBlocked = false;
  for (const [index, statement] of statements.entries()) {
    if (index < resumeAt) continue;
    stopIfAborted(context);
    const looks = statement.mayTouchSession || blocked !== null;
    const lookBehind = async (): Promise<string | null> =>
      looks ? (blocked = await tracker.lookBehind(statement, index)) : null;
    wasBlocked ||= blocked !== null;
    await atStatement(migration, statement, async () => {
      if (directives.repeatUntilZero !== undefined) await runBatches(context, migration, statement, id);
      else if (!statement.outsideTransaction && !(statement.mayBeRefusedInside && interrupted === index))
        await runRecorded(context, migration, statement, index, id, lookBehind);
      else if (statement.recovery === "unknown")
        await runBlock(context, migration, statement, index, id, interrupted === index, lookBehind);
      else await runBare(context, migration, statement, index, id, interrupted === index, lookBehind);
    });
    // What held for the transaction alone (SET LOCAL) is gone by now.
    if (blocked !== null) {
      blocked = await tracker.lookAgain();
      wasBlocked = true;
    }
    if (blocked === null && wasBlocked) {
      await asOurselves(
        session,
        async () => await recordResumeBlocked(session.client, context.tables, id, null),
      );
      wasBlocked = false;
    }
    await keepLock(context, migration, `${file.name}, statement ${index + 1},`);
    listener({ type: "statement", name: file.name, done: index + 1, total: statements.length });
  }
}

/** One statement and its record in one transaction, tried again when locks are in the way. */
async function runRecorded(
  context: RunContext,
  migration: PreparedMigration,
  statement: Statement,
  index: number,
  id: string,
  lookBehind: () => Promise<string | null>,
): Promise<void> {
  const { directives, file } = migration;
  const retries = directives.retries ?? context.retries;
  const lockTimeout =
    directives.lockTimeout ?? (statement.validates || migration.keepsNobodyWaiting ? 0 : context.lockTimeout);
  for (let attempt = 1; ; attempt++) {
    try {
      await inRecordedTransaction(
        context,
        id,
        index + 1,
        lockTimeout,
        directives.statementTimeout ?? 0,
        statement.text,
        lookBehind,
      );
      return;
    } catch (error) {
      const code = codeOf(serverError(error)) ?? "";
      if (statement.mayBeRefusedInside && code === refusedInside)
        return await runBare(context, migration, statement, index, id, false, lookBehind);
      if (!retryable.has(code) || attempt > retries) throw error;
      const delay = backOff(attempt);
      context.listener({ type: "retry", name: file.name, attempt, retries, delay, reason: summaryOf(error) });
      await pauseFor(context, delay);
      stopIfAborted(context);
    }
  }
}

const refusedInside = "25001"; // active_sql_transaction
const committedInside = "2D000"; // invalid_transaction_termination

/**
 * A block or procedure, in one transaction with its record like any other statement. Only one that turns out to commit
 * by itself, which PostgreSQL refuses there and which is rolled back with all it did, runs without.
 */
async function runBlock(
  context: RunContext,
  migration: PreparedMigration,
  statement: Statement,
  index: number,
  id: string,
  wasInterrupted: boolean,
  lookBehind: () => Promise<string | null>,
): Promise<void> {
  if (wasInterrupted) {
    const reason = migration.directives.repeatableStatements;
    if (reason === undefined) throw mustBeSettled(migration, statement, index);
    const text = `statement ${index + 1} commits by itself and was interrupted; it runs again from its beginning (${reason})`;
    context.listener({ type: "warning", name: migration.file.name, text });
  } else {
    try {
      return await runRecorded(context, migration, statement, index, id, lookBehind);
    } catch (error) {
      if (codeOf(serverError(error)) !== committedInside) throw error;
    }
  }
  await runBare(context, migration, statement, index, id, wasInterrupted, lookBehind);
}

/** The one statement of a backfill, committed again and again until it changes no row. */
async function runBatches(
  context: RunContext,
  migration: PreparedMigration,
  statement: Statement,
  id: string,
): Promise<void> {
  const pause = migration.directives.repeatUntilZero?.pause ?? 0;
  let [batches, rows, failures] = [0, 0, 0];
  for (;;) {
    stopIfAborted(context);
    let changed: number;
    try {
      changed = await inRecordedTransaction(
        context,
        id,
        0,
        migration.directives.lockTimeout ?? (migration.keepsNobodyWaiting ? 0 : context.lockTimeout),
        migration.directives.statementTimeout ?? 0,
        statement.text,
      );
      failures = 0;
    } catch (error) {
      failures += 1;
      if (
        !retryable.has(codeOf(serverError(error)) ?? "") ||
        failures > (migration.directives.retries ?? context.retries)
      )
        throw error;
      await pauseFor(context, backOff(failures));
      continue;
    }
    if (changed === 0) {
      const { session, tables } = context;
      return await asOurselves(session, async () => await recordProgress(session.client, tables, id, 1, 0));
    }
    batches += 1;
    rows += changed;
    context.listener({ type: "batch", name: migration.file.name, batches, rows });
    await keepLock(context, migration, migration.file.name);
    if (pause > 0) await pauseFor(context, pause);
  }
}

/** Ends early when the run is told to stop. */
async function pauseFor({ signal }: RunContext, milliseconds: number): Promise<void> {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

/** A statement's failure, with its place in the file. */
export class StatementFailure extends Error {
  readonly offset: number;

  constructor(cause: unknown, { offset }: Pick<Statement, "offset">) {
    super(summaryOf(cause), { cause });
    this.name = "StatementFailure";
    this.offset = offset;
  }
}

/** A statement that code has generated stands nowhere in its file. */
async function atStatement(
  { file }: PreparedMigration,
  statement: Statement,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof TextFailure && file.kind === "sql"
      ? new StatementFailure(error, statement)
      : error;
  }
}

async function recordFailure(
  context: RunContext,
  migration: PreparedMigration,
  id: string,
  error: unknown,
): Promise<void> {
  // "running" is what is written already, and what an interrupted run is.
  const cause = error instanceof StatementFailure ? error.cause : error;
  if (context.session.lostBecause() !== undefined || endedSession(cause)) return;
  if (context.signal?.aborted) {
    // A statement that was begun stays marked as such: what became of it the next run finds out.
    await resetSession(context.session, `migrate ${migration.file.name}`)
      .then(() =>
        finishRun(context.session.client, context.tables, id, { state: "failed", ending: "stopped" }),
      )
      .catch(() => undefined);
    return;
  }
  const origin = {
    file: migration.path,
    text: migration.text,
    offset: error instanceof StatementFailure ? error.offset : 0,
    secret: migration.directives.secret,
  };
  const { recorded } = await describeFailure(cause, origin);
  try {
    await resetSession(context.session, `migrate ${migration.file.name}`);
    // What the server has refused was not interrupted: the next run must not take its traces for ours.
    if (cause instanceof TextFailure && !leavesTraces.has(cause))
      await recordStatementStarted(context.session.client, context.tables, id, null);
    await finishRun(context.session.client, context.tables, id, {
      state: "failed",
      ending: "failed",
      error: recorded,
    });
  } catch (problem) {
    const text = `its failure could not be recorded: ${messageOf(problem)}`;
    context.listener({ type: "warning", name: migration.file.name, text });
  }
}
