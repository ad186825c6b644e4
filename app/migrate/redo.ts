import type { Config } from "../config/settings.ts";
import { AppError } from "../errors.ts";
import { agree } from "./agree.ts";
import type { DataLoss } from "./data-loss.ts";
import { planDown } from "./down.ts";
import { filesInvalid } from "./files.ts";
import type { KnownMigration } from "./history.ts";
import { readKnownMigrations } from "./known-migrations.ts";
import { migrationsDirectory, withMigrationSession, type MigrationSession } from "./migration-session.ts";
import { prepareMigration } from "./prepare.ts";
import { runSteps, type RunResult, type Step } from "./run-steps.ts";
import { toStep } from "./up.ts";
import { withMigrationLock, type RunOptions } from "./with-lock.ts";

export interface RedoOptions extends RunOptions {
  /** Asked once before anything is changed. */
  readonly confirm: (plan: RedoPlan) => Promise<boolean>;
}

/** The same migration in both directions. */
export interface RedoPlan {
  readonly name: string;
  readonly down: Step;
  readonly up: Step;
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
 * in between as a place to migrate from. Both directions are read and checked before anything is reverted.
 *
 * @throws AppError as `migrateDown`; `usage` when this image has no file of it
 */
export async function migrateRedo(config: Config, options: RedoOptions): Promise<RedoResult> {
  const known = readKnownMigrations(config);
  const { signal, listener } = options;
  const nothing = { done: [], failed: undefined, notTried: [] };
  return await withMigrationSession(
    config,
    { activity: "migrate redo", signal, listener },
    async (database) => {
      const plan = await planRedo(config, database, known);
      if (plan === undefined) return { outcome: "nothing-to-do", name: undefined, dataLoss: [], ...nothing };
      const { name, dataLoss } = plan;
      if (!(await agree(database.session, plan, options.confirm)))
        return { outcome: "declined", name, dataLoss, ...nothing };
      return await withMigrationLock(database, config, options, async (context) => {
        const fresh = await planRedo(config, database, known);
        if (fresh?.name !== name) {
          throw new AppError(
            "history-conflict",
            `While this command waited, another runner changed what is applied: the newest is ${fresh?.name ?? "none"} now, not ${name}. Nothing was reverted.`,
          );
        }
        const down = await runSteps(context, [fresh.down]);
        if (down.failed !== undefined)
          return { outcome: "failed", name, dataLoss, ...down, notTried: [name] };
        const up = await runSteps(context, [fresh.up]);
        const outcome = up.failed === undefined ? "redone" : "failed";
        return { outcome, name, dataLoss, ...up, done: [...down.done, ...up.done] };
      });
    },
  );
}

async function planRedo(
  config: Config,
  database: MigrationSession,
  known: readonly KnownMigration[],
): Promise<RedoPlan | undefined> {
  const {
    steps: [down],
    dataLoss,
  } = await planDown(config, database, known, { count: 1 });
  if (down === undefined) return undefined;
  const { name } = down.migration.file;
  const file = known.find((candidate) => candidate.name === name);
  if (file === undefined) {
    throw new AppError(
      "usage",
      `This image has no file of ${name}, so it could be reverted but not applied again. \`migrate down -n 1\` reverts it.`,
    );
  }
  const problems: string[] = [];
  const migration = await prepareMigration(file, "up", file.upPath, problems);
  if (migration === undefined || problems.length > 0)
    throw filesInvalid(migrationsDirectory(config), problems);
  return { name, down, dataLoss, up: await toStep(database, migration, { unfinished: [] }) };
}
