import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "../errors.ts";
import { TextFailure } from "../database/run-text.ts";
import { resetSession, type NoticeLike } from "../database/session.ts";
import { applyInTransaction, type Handover } from "./apply-in-transaction.ts";
import { applyOutsideTransaction, StatementFailure } from "./apply-outside.ts";
import { describeFailure, endedSession, migrationFailed, type RecordedError } from "./failure.ts";
import { ConnectionLost } from "./connection-lost.ts";
import { nameBlockers } from "./blockers.ts";
import type { Blocker, Listener } from "./events.ts";
import type { UnfinishedRun } from "./ledger.ts";
import type { PreparedMigration } from "./prepare.ts";
import { stopIfAborted, type RecordedTexts, type RunContext } from "./run-context.ts";
import { assertOutcome } from "./outcome.ts";
import { insertRun } from "./run-progress.ts";
import type { Ending } from "./run-record.ts";
import { createWatcher, type Watcher } from "./watch.ts";

/** One migration that is going to run. */
export interface Step {
  readonly migration: PreparedMigration;
  readonly texts: RecordedTexts;
  /** Where an interrupted run of it stopped. */
  readonly unfinished: UnfinishedRun | undefined;
}

export interface StepResult {
  readonly version: string;
  readonly name: string;
  readonly direction: "up" | "down";
  /** Milliseconds. */
  readonly ranMs: number;
  readonly attempts: number;
}

/** How far a run came. `failed` is the first migration that did not succeed; nothing behind it was tried. */
export interface RunResult {
  readonly done: readonly StepResult[];
  readonly failed: { readonly name: string; readonly error: AppError } | undefined;
  /** Names of the steps that were not tried. */
  readonly notTried: readonly string[];
}

/**
 * Runs the steps in order and stops at the first that fails. Behind the last one, the ledger is read again: what it says
 * must be what was done.
 *
 * @throws AppError `interrupted`, `lock-lost`, `history-conflict`; what the server does to the session itself
 */
export async function runSteps(context: RunContext, steps: readonly Step[]): Promise<RunResult> {
  const watcher = createWatcher(context.session, context.lockTimeout, context.listener, context.silence);
  try {
    const result = await runWatched({ ...context, listener: watcher.listener }, steps, watcher);
    await assertOutcome(context, result.done);
    return context.memory === undefined ? result : { ...result, done: context.memory.done };
  } finally {
    await watcher.close();
  }
}

async function runWatched(context: RunContext, steps: readonly Step[], watcher: Watcher): Promise<RunResult> {
  const done: StepResult[] = [];
  let ready: Handover["ready"];
  for (const [index, step] of steps.entries()) {
    const { migration } = step;
    const { name, versionText } = migration.file;
    const position = { index: index + 1, total: steps.length };
    stopIfAborted(context);
    for (const text of migration.warnings) context.listener({ type: "warning", name, text });
    const suspicion = context.memory?.suspicion(step);
    if (suspicion !== undefined)
      return {
        done,
        failed: await refuseSuspect(context, step, suspicion),
        notTried: namesBehind(steps, index),
      };
    context.listener({ type: "started", name, direction: migration.direction, ...position });
    const notices = limitNotices(context, name, migration.directives.secret);
    watcher.watch(name, statementsOf(step));
    const started = Date.now();
    let progressed = false;
    const listener: Listener = (event) => {
      if (event.type === "statement" || event.type === "batch") progressed = true;
      context.listener(event);
    };
    const handover: Handover = { next: steps[index + 1], ready };
    try {
      const waitedMs = index === 0 ? context.waitedMs : 0;
      const attempts = await runStep({ ...context, listener, waitedMs }, step, handover);
      ready = handover.ready;
      const ranMs = Date.now() - started;
      const result = { version: versionText, name, direction: migration.direction, ranMs, attempts };
      done.push(result);
      context.memory?.finish(result);
      context.listener({ type: "finished", name, direction: migration.direction, ranMs, ...position });
    } catch (error) {
      if (context.signal?.aborted === true && !migration.directives.noTransaction)
        await recordStopped(context, step, { ending: "stopped", startedAt: new Date(started) });
      stopIfAborted(context);
      if (error instanceof AppError && error.code === "lock-lost") throw error;
      const attempts = handover.attempts ?? 1;
      if (isLost(context, error)) {
        const lost = new ConnectionLost(
          context.session,
          causeOf(error),
          `${name}: ${outcomeOf(migration, true, error)}`,
        );
        if (context.memory === undefined)
          return { done, failed: { name, error: lost }, notTried: namesBehind(steps, index) };
        context.memory.loseStep({
          step,
          tables: context.tables,
          result: {
            version: versionText,
            name,
            direction: migration.direction,
            ranMs: Date.now() - started,
            attempts,
          },
          ...position,
          startedAt: new Date(started),
          progressed,
          serverLife: context.serverLife ?? "",
          sqlstate: lost.sqlstate,
        });
        throw lost;
      }
      const failure = await explain(context, step, error, { started, attempts }, watcher.lastBlockers());
      context.listener({ type: "failed", name, direction: migration.direction, message: failure.message });
      return {
        done,
        failed: { name, error: failure },
        notTried: namesBehind(steps, index),
      };
    } finally {
      notices.end();
    }
  }
  return { done, failed: undefined, notTried: [] };
}

async function runStep(
  context: RunContext,
  { migration, texts, unfinished }: Step,
  handover: Handover,
): Promise<number> {
  const { parseFailure, directives } = migration;
  if (parseFailure !== undefined && directives.noTransaction) {
    const { message, offset } = parseFailure;
    const refusal = Object.assign(new Error(message), { severity: "ERROR", code: "42601", position: "1" });
    throw new StatementFailure(new TextFailure(refusal, migration.text.slice(offset), 0), { offset });
  }
  if (!directives.noTransaction) return await applyInTransaction(context, migration, texts, handover);
  await applyOutsideTransaction(context, migration, texts, unfinished);
  return 1;
}

/** How far a migration that runs statement by statement is; in code it is not known yet. */
function statementsOf({ migration, unfinished }: Step): { done: number; total: number } | undefined {
  const { statements, directives } = migration;
  return statements === undefined || !directives.noTransaction || directives.repeatUntilZero !== undefined
    ? undefined
    : { done: unfinished?.statementsDone ?? 0, total: statements.length };
}

function namesBehind(steps: readonly Step[], index: number): string[] {
  return steps.slice(index + 1).map(({ migration }) => migration.file.name);
}

function causeOf(error: unknown): unknown {
  return error instanceof StatementFailure ? error.cause : error;
}

/** Whether the connection ended, rather than the migration failed. */
function isLost({ session }: RunContext, error: unknown): boolean {
  return session.lostBecause() !== undefined || endedSession(causeOf(error));
}

/** Records that a migration is not tried any more, and says why. */
async function refuseSuspect(context: RunContext, step: Step, message: string): Promise<RunResult["failed"]> {
  const { file, direction, directives } = step.migration;
  if (!directives.noTransaction)
    await recordFailed(context, step, { ending: "failed", startedAt: new Date(), error: { message } });
  const details = { migration: file.name, direction };
  const error = migrationFailed(
    file.name,
    [message],
    outcomeOf(step.migration, false, undefined),
    details,
    undefined,
  );
  context.listener({ type: "failed", name: file.name, direction, message: error.message });
  return { name: file.name, error };
}

/** The failure with its place and what became of the migration; recorded in the ledger where that is not done yet. */
async function explain(
  context: RunContext,
  step: Step,
  error: unknown,
  { started, attempts }: { readonly started: number; readonly attempts: number },
  blockers: readonly Blocker[],
): Promise<AppError> {
  const { migration } = step;
  const { file, direction, path, text, directives } = migration;
  const origin = {
    file: path,
    text,
    offset: error instanceof StatementFailure ? error.offset : 0,
    secret: directives.secret,
  };
  const { lines, recorded } = await describeFailure(causeOf(error), origin);
  if (recorded.sqlstate === "55P03" && blockers.length > 0)
    lines.push(`  In the way: ${nameBlockers(blockers)}.`);
  if (!directives.noTransaction || migration.parseFailure !== undefined)
    await recordFailed(context, step, {
      ending: "failed",
      startedAt: new Date(started),
      attempts,
      error: recorded,
    });
  if (error instanceof AppError && error.code === "history-conflict") {
    const { code, details } = error;
    const outcome = outcomeOf(migration, false, error);
    return new AppError(code, `${file.name}: ${error.message}\n  ${outcome}`, { cause: error, details });
  }
  return migrationFailed(
    file.name,
    lines,
    outcomeOf(migration, false, error),
    { migration: file.name, direction, ...recorded },
    error,
  );
}

function outcomeOf(
  { directives, direction, statements, parseFailure }: PreparedMigration,
  lost: boolean,
  error: unknown,
): string {
  const again = direction === "up" ? "migrate up" : "migrate down";
  if (parseFailure !== undefined && directives.noTransaction) return "Nothing of it was run.";
  if (error instanceof AppError && error.details["endedTransaction"] === true) {
    return "What it committed stays, and is not recorded: take that back by hand, or split the rest into a migration of its own.";
  }
  if (!directives.noTransaction) {
    return lost
      ? `The connection was lost. The server rolls the transaction back, unless it had just committed it; \`${again}\` finds out, and goes on from there.`
      : "It was rolled back; nothing of it remains.";
  }
  return statements === undefined
    ? `It ran outside a transaction, so what it did so far stays; \`${again}\` calls its function again, and resumes at the first generated statement that has not succeeded.`
    : `It runs statement by statement, so the statements before stay; \`${again}\` resumes at the one that failed.`;
}

interface Failed {
  readonly ending: Ending;
  readonly startedAt: Date;
  readonly attempts?: number;
  readonly error?: RecordedError;
}

/**
 * A run in a transaction leaves no record of its own when it fails. What an interrupted run outside one has done so far
 * is said again, or this record would hide it.
 */
export async function recordFailed(
  context: Pick<RunContext, "session" | "tables" | "listener" | "waitedMs">,
  step: Step,
  failed: Failed,
): Promise<void> {
  const { file, direction, directives } = step.migration;
  const { texts, unfinished } = step;
  try {
    await resetSession(context.session, `migrate ${direction} ${file.name}`);
    await insertRun(context.session.client, context.tables, {
      file,
      direction,
      state: "failed",
      ending: failed.ending,
      intent: texts.intent,
      upText: texts.up,
      downText: texts.down,
      textsOnce: true,
      directives,
      statementsDone: unfinished?.statementsDone ?? 0,
      statementsTotal: unfinished?.statementsTotal ?? undefined,
      statementStarted: unfinished?.statementStarted ?? undefined,
      resumeBlocked: unfinished?.resumeBlocked ?? undefined,
      attempts: failed.attempts ?? 1,
      waitedMs: context.waitedMs,
      startedAt: failed.startedAt,
      error: failed.error,
    });
  } catch (cause) {
    context.listener({
      type: "warning",
      name: file.name,
      text: `its failure could not be recorded: ${messageOf(cause)}`,
    });
  }
}

const stopPatience = 400;

/** A migration that was told to stop has been rolled back; whoever told it waits for us, and not for long. */
async function recordStopped(context: RunContext, step: Step, stopped: Failed): Promise<void> {
  if (context.session.lostBecause() !== undefined) return;
  const quiet = { ...context, listener: () => undefined };
  const over = new AbortController();
  const late = sleep(stopPatience, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([recordFailed(quiet, step, stopped), late]);
  over.abort();
}

const mostNotices = 20;

/** In English: what the server says in another language is told by its SQLSTATE, which is of class 01 for a warning. */
function severityOf({ severity = "", code = "" }: NoticeLike): string {
  if (/^(?:DEBUG\d?|LOG|INFO|NOTICE|WARNING)$/.test(severity)) return severity;
  return code.startsWith("01") ? "WARNING" : "NOTICE";
}

/** Passes the first notices of a migration on and counts the rest, so that a flood of them costs no memory. */
function limitNotices({ session, listener }: RunContext, name: string, isSecret: boolean): { end(): void } {
  let [count, warnings] = [0, 0];
  const most = isSecret ? 0 : mostNotices;
  session.onNotice((notice) => {
    const [severity, message] = [severityOf(notice), notice.message ?? ""];
    // A warning may say what went wrong, and is not lost among a thousand notices.
    const isWarning = severity === "WARNING";
    if (isWarning) warnings += 1;
    else count += 1;
    if ((isWarning ? warnings : count) <= most)
      listener({ type: "notice", name, severity, text: message.slice(0, 500) });
  });
  return {
    end() {
      session.onNotice(undefined);
      const tell = (severity: string, text: string): void =>
        listener({ type: "notice", name, severity, text });
      if (count > most) tell("NOTICE", `… and ${count - most} more notices`);
      if (warnings > most) tell("WARNING", `… and ${warnings - most} more warnings`);
    },
  };
}
