import { setTimeout as sleep } from "node:timers/promises";
import { runText, TextFailure } from "../database/run-text.ts";
import { resetSession, type Session } from "../database/session.ts";
import { codeOf, retryable } from "../database/sqlstate.ts";
import { AppError } from "../errors.ts";
import { backOff } from "./apply-in-transaction.ts";
import { runCode } from "./code-migration.ts";
import { describeFailure, serverError, summaryOf } from "./failure.ts";
import { dropLeftovers, readIndex } from "./invalid-index.ts";
import type { UnfinishedRun } from "./ledger.ts";
import { runThroughLibrary } from "./library.ts";
import type { PreparedMigration } from "./prepare.ts";
import { keepLock, stopIfAborted, type RecordedTexts, type RunContext } from "./run-context.ts";
import { finishRun, insertRun, recordProgress, recordStatementStarted } from "./run-record.ts";
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
  await resetSession(session, `migrate ${direction} ${file.name}`);
  await keepLock(context, undefined);
  const resumeAt = unfinished?.statementsDone ?? 0;
  const id = await insertRun(session.client, tables, {
    file,
    direction,
    state: "running",
    upText: texts.up,
    downText: texts.down,
    directives,
    statementsDone: resumeAt,
    statementsTotal: statements?.length,
    attempts: 1,
    waitedMs: context.waitedMs,
    startedAt: new Date(),
  });
  try {
    if (statements === undefined) await runCode(session, migration);
    else
      await runStatements(
        context,
        migration,
        statements,
        id,
        resumeAt,
        unfinished?.statementStarted ?? undefined,
      );
    await resetSession(session, `migrate ${direction} ${file.name}`);
    await keepLock(context, file.name);
    await runThroughLibrary(session, tables, { name: file.name, direction }, async () => {
      await finishRun(session.client, tables, id, direction === "up" ? "applied" : "reverted");
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
  for (const { setsSession, text } of statements.slice(0, resumeAt))
    if (setsSession) await runText(session, text);
  for (const [index, statement] of statements.entries()) {
    if (index < resumeAt) continue;
    stopIfAborted(context);
    await atStatement(statement, async () => {
      if (directives.repeatUntilZero !== undefined) await runBatches(context, migration, statement, id);
      else if (statement.outsideTransaction)
        await runBare(context, migration, statement, index, id, interrupted === index);
      else await runRecorded(context, migration, statement, index, id);
    });
    await keepLock(context, `${file.name}, statement ${index + 1},`);
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
      );
      return;
    } catch (error) {
      if (!retryable.has(codeOf(serverError(error)) ?? "") || attempt > retries) throw error;
      const delay = backOff(attempt);
      context.listener({ type: "retry", name: file.name, attempt, retries, delay, reason: summaryOf(error) });
      await sleep(delay, undefined, context.signal === undefined ? {} : { signal: context.signal }).catch(
        () => undefined,
      );
      stopIfAborted(context);
    }
  }
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
        0,
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
      await sleep(backOff(failures));
      continue;
    }
    if (changed === 0) return await recordProgress(context.session.client, context.tables, id, 1, 0);
    batches += 1;
    rows += changed;
    context.listener({ type: "batch", name: migration.file.name, batches, rows });
    await keepLock(context, migration.file.name);
    if (pause > 0)
      await sleep(pause, undefined, context.signal === undefined ? {} : { signal: context.signal }).catch(
        () => undefined,
      );
  }
}

async function inRecordedTransaction(
  context: RunContext,
  id: string,
  done: number,
  lockTimeout: number,
  statementTimeout: number,
  text: string,
): Promise<number> {
  const { session, tables } = context;
  await session.client.query(
    `BEGIN READ WRITE; SET LOCAL lock_timeout = ${lockTimeout}; SET LOCAL statement_timeout = ${statementTimeout}`,
  );
  try {
    const { rowsChanged } = await runText(session, text);
    await session.client.query(ownRole);
    await recordProgress(session.client, tables, id, done, rowsChanged);
    await session.client.query("COMMIT");
    return rowsChanged;
  } catch (error) {
    await session.client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/** A statement that PostgreSQL takes only outside a transaction. */
async function runBare(
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
    await session.client.query(
      `SET lock_timeout = 0; SET statement_timeout = ${migration.directives.statementTimeout ?? 0}`,
    );
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
  await keepLock(context, `${migration.file.name}, statement ${index + 1},`);
  await asOurselves(session, async () => await recordProgress(session.client, tables, id, index + 1, 0));
}

/** Our own role for our own table, until `work` is committed; what the file has SET holds for its next statement. */
async function asOurselves(session: Session, work: () => Promise<void>): Promise<void> {
  await session.client.query(`BEGIN READ WRITE; ${ownRole}`);
  await work();
  await session.client.query("COMMIT");
}

const ownRole = "SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL ROLE NONE";

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

/** A statement's failure, with its place in the file. */
export class StatementFailure extends Error {
  readonly offset: number;

  constructor(cause: unknown, { offset }: Pick<Statement, "offset">) {
    super(summaryOf(cause), { cause });
    this.name = "StatementFailure";
    this.offset = offset;
  }
}

async function atStatement(statement: Statement, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof TextFailure ? new StatementFailure(error, statement) : error;
  }
}

async function recordFailure(
  context: RunContext,
  migration: PreparedMigration,
  id: string,
  error: unknown,
): Promise<void> {
  if (context.session.lostBecause() !== undefined) return;
  const origin = {
    file: migration.path,
    text: migration.text,
    offset: error instanceof StatementFailure ? error.offset : 0,
  };
  const { recorded } = await describeFailure(error instanceof StatementFailure ? error.cause : error, origin);
  await resetSession(context.session, `migrate ${migration.file.name}`);
  await finishRun(context.session.client, context.tables, id, "failed", recorded);
}
