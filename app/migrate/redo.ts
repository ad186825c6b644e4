import type { Config } from "../config/settings.ts";
import { AppError } from "../errors.ts";
import { agree } from "./agree.ts";
import { readDataLoss, type DataLoss } from "./data-loss.ts";
import { downSteps } from "./down.ts";
import { compareHistory, type KnownMigration } from "./history.ts";
import { readKnownMigrations } from "./known-migrations.ts";
import { readLedger, type LedgerState } from "./ledger.ts";
import type { MigrationSession } from "./migration-session.ts";
import type { RunMemory } from "./run-memory.ts";
import { withRunSession } from "./run-session.ts";
import { runSteps, type RunResult, type Step } from "./run-steps.ts";
import { throughLosses } from "./through-losses.ts";
import { describeUnfinished, isHalfDone, settleBy } from "./half-done.ts";
import { assertConsistent, assertMayRevert } from "./unsettled.ts";
import { prepareAll, recordedTexts, toStep } from "./up.ts";
import { withMigrationLock, type RunOptions } from "./with-lock.ts";

export interface RedoOptions extends RunOptions {
  /** Asked once before anything is changed. */
  readonly confirm: (plan: RedoPlan) => Promise<boolean>;
}

/** The same migration in both directions; only the way up where an interrupted redo has reverted it already. */
export interface RedoPlan {
  readonly name: string;
  readonly steps: readonly Step[];
  /** What data goes, as far as the texts tell. */
  readonly dataLoss: readonly DataLoss[];
}

export interface RedoResult extends RunResult {
  readonly outcome: "nothing-to-do" | "declined" | "redone" | "failed";
  readonly name: string | undefined;
  readonly dataLoss: readonly DataLoss[];
}

/**
 * Reverts the newest applied migration and applies it again, as its file is now, under one lock: nobody sees the schema
 * in between as a place to migrate from. Both directions are read and checked before anything is reverted. A redo that
 * was interrupted is finished; no other migration is reverted then.
 *
 * @throws AppError as `migrateDown`; `usage` when this image has no file of it
 */
export async function migrateRedo(config: Config, options: RedoOptions): Promise<RedoResult> {
  return await throughLosses<RedoPlan, RedoResult>(
    config,
    options,
    async (memory) => await attemptRedo(config, options, memory),
    ({ name, dataLoss }, result) => ({ outcome: "failed", name, dataLoss, ...result }),
  );
}

async function attemptRedo(
  config: Config,
  options: RedoOptions,
  memory: RunMemory<RedoPlan>,
): Promise<RedoResult> {
  const known = readKnownMigrations(config);
  const { signal, listener } = options;
  const nothing = { done: [], failed: undefined, notTried: [] };
  return await withRunSession(
    config,
    { activity: "migrate redo", signal, listener },
    memory,
    async (database) => {
      const plan = await planRedo(config, database, known);
      if (plan === undefined) return { outcome: "nothing-to-do", name: undefined, dataLoss: [], ...nothing };
      const { name, dataLoss } = plan;
      if (!memory.isResumed && !(await agree(database.session, plan, options.confirm)))
        return { outcome: "declined", name, dataLoss, ...nothing };
      return await withMigrationLock(database, config, { ...options, memory }, async (context) => {
        const fresh = await planRedo(config, database, known);
        if (fresh?.name !== name || fresh.steps.length !== plan.steps.length) {
          throw new AppError(
            "history-conflict",
            `While this command waited, another runner changed what is applied: the newest is ${fresh?.name ?? "none"} now, not ${name}. Nothing was reverted.`,
          );
        }
        // Behind a redo that was finished, the plan is a redo again.
        const steps = memory.take(fresh, fresh.steps, context.listener, (lost) => {
          return fresh.steps[0]?.migration.direction !== lost.migration.direction;
        });
        const result = await runSteps(context, steps);
        const outcome = result.failed === undefined ? "redone" : "failed";
        return { outcome, name, dataLoss, ...result };
      });
    },
  );
}

async function planRedo(
  config: Config,
  database: MigrationSession,
  known: readonly KnownMigration[],
): Promise<RedoPlan | undefined> {
  const { session, tables } = database;
  const ledger = await readLedger(session.client, tables);
  const history = compareHistory(known, ledger, { allowOutOfOrder: true });
  assertConsistent(history);
  const open = ledger.unfinished.find(({ isRedo }) => isRedo);
  const name = open?.name ?? ledger.openRedo ?? newestOfAll(ledger);
  if (name === undefined) return undefined;
  const file = known.find((candidate) => candidate.name === name);
  if (file === undefined) {
    throw new AppError(
      "usage",
      `This image has no file of ${name}, so it could be reverted but not applied again. \`migrate down -n 1\` reverts it.`,
    );
  }
  const [up] = await prepareAll(config, [file]);
  const texts = { ...recordedTexts(up!), intent: "redo" as const };
  const isReverted = open?.direction !== "down" && (open !== undefined || ledger.openRedo !== undefined);
  if (isReverted) return { name, dataLoss: [], steps: [await toStep(database, up!, history)] };
  const entry = ledger.applied.find((candidate) => candidate.name === name)!;
  if (open === undefined) assertNothingHalfDone(ledger, name);
  const down = await downSteps(config, database, known, [entry], history, "redo");
  const dataLoss = await readDataLoss(
    session,
    down.map(({ migration }) => migration),
  );
  return { name, dataLoss, steps: [...down, { migration: up!, texts, unfinished: undefined }] };
}

function newestOfAll({ applied }: LedgerState): string | undefined {
  return applied.at(-1)?.name;
}

/** @throws AppError `history-conflict` as for `down`, and when the migration itself was being reverted for good */
function assertNothingHalfDone(ledger: LedgerState, name: string): void {
  assertMayRevert(ledger, [name]);
  const run = ledger.unfinished.find((candidate) => candidate.name === name && isHalfDone(candidate));
  if (run === undefined) return;
  throw new AppError(
    "history-conflict",
    `${describeUnfinished(run)} Finish that with \`migrate down -n 1\`, or settle it: ${settleBy(name)}. Nothing was reverted.`,
  );
}
