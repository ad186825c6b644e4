import type { Config } from "../config/settings.ts";
import { AppError } from "../errors.ts";
import { agree } from "./agree.ts";
import { readDataLoss, type DataLoss } from "./data-loss.ts";
import { filesInvalid } from "./files.ts";
import { compareHistory, type History, type KnownMigration } from "./history.ts";
import { readKeptTexts, type KeptTexts } from "./run-texts.ts";
import { resumeOf } from "./resume.ts";
import { assertConsistent, assertMayRevert } from "./unsettled.ts";
import { readKnownMigrations } from "./known-migrations.ts";
import { readLedger, type AppliedMigration } from "./ledger.ts";
import { checksumOf, withLineFeeds } from "./migration-text.ts";
import { migrationsDirectory, type MigrationSession } from "./migration-session.ts";
import { prepareMigration, prepareText, type PreparedMigration } from "./prepare.ts";
import type { RunMemory } from "./run-memory.ts";
import { withRunSession } from "./run-session.ts";
import { runSteps, type RunResult, type Step } from "./run-steps.ts";
import { throughLosses } from "./through-losses.ts";
import { withMigrationLock, type RunOptions } from "./with-lock.ts";

export interface DownOptions extends RunOptions {
  /** How many of the newest to revert; 0 means all. One of `count` and `to` is given. */
  readonly count?: number | undefined;
  /** Reverts everything above this version; 0 means all. */
  readonly to?: bigint | undefined;
  /** Only these of them; for a run that goes on. */
  readonly names?: readonly string[] | undefined;
  readonly confirm?: (plan: DownPlan) => Promise<boolean>;
}

export interface DownPlan {
  /** In the order in which they are reverted: newest first. */
  readonly steps: readonly Step[];
  readonly history: History;
  /** What data goes, as far as the texts tell; for whoever is asked. */
  readonly dataLoss: readonly DataLoss[];
}

export interface DownResult extends RunResult {
  readonly outcome: "nothing-to-do" | "declined" | "reverted" | "failed";
  readonly plan: DownPlan;
}

/**
 * Reverts applied migrations, newest first. A migration that this image has no file of is reverted with the text that
 * the ledger kept.
 *
 * @throws AppError as `migrateUp`; `migration-files-invalid` when one of them has no way down, before any is reverted
 */
export async function migrateDown(config: Config, options: DownOptions): Promise<DownResult> {
  return await throughLosses<DownPlan, DownResult>(
    config,
    options,
    async (memory) => await attemptDown(config, options, memory),
    (plan, result) => ({ outcome: "failed", plan, ...result }),
  );
}

async function attemptDown(
  config: Config,
  options: DownOptions,
  memory: RunMemory<DownPlan>,
): Promise<DownResult> {
  const known = readKnownMigrations(config);
  const wish = memory.isResumed
    ? { ...options, count: 0, to: undefined, names: namesOf(memory.plan!) }
    : options;
  return await withRunSession(
    config,
    { activity: "migrate down", signal: options.signal, listener: options.listener },
    memory,
    async (database) => {
      const plan = await planDown(config, database, known, wish);
      const nothing = { done: [], failed: undefined, notTried: [] };
      if (plan.steps.length === 0 && !memory.isResumed) return { outcome: "nothing-to-do", plan, ...nothing };
      if (!memory.isResumed && !(await agree(database.session, plan, options.confirm)))
        return { outcome: "declined", plan, ...nothing };
      const agreed = namesOf(plan);
      return await withMigrationLock(database, config, { ...options, memory }, async (context) => {
        const fresh = await planDown(config, database, known, wish);
        const names = namesOf(fresh);
        if (names.join() !== agreed.join()) {
          throw new AppError(
            "history-conflict",
            `While this command waited, another runner changed what is applied; what would be reverted now is ${names.join(", ") || "nothing"}. Nothing was reverted.`,
          );
        }
        const result = await runSteps(context, memory.take(fresh, fresh.steps, context.listener));
        return { outcome: result.failed === undefined ? "reverted" : "failed", plan: fresh, ...result };
      });
    },
  );
}

function namesOf({ steps }: DownPlan): string[] {
  return steps.map(({ migration }) => migration.file.name);
}

/** What would be reverted, newest first. */
export async function planDown(
  config: Config,
  { session, tables }: MigrationSession,
  known: readonly KnownMigration[],
  options: DownOptions,
): Promise<DownPlan> {
  const ledger = await readLedger(session.client, tables);
  const history = compareHistory(known, ledger, { allowOutOfOrder: true });
  const newestFirst = ledger.applied.toReversed();
  if (
    options.to !== undefined &&
    options.to !== 0n &&
    !newestFirst.some(({ version }) => version === options.to)
  ) {
    throw new AppError("usage", `Version ${options.to} is not applied, so there is no way down to it.`);
  }
  const chosen = chooseNewest(newestFirst, options).filter(
    ({ name }) => options.names === undefined || options.names.includes(name),
  );
  assertConsistent(history);
  if (chosen.length > 0)
    assertMayRevert(
      ledger,
      chosen.map(({ name }) => name),
    );
  const steps = await downSteps(config, { session, tables }, known, chosen, history);
  const dataLoss = await readDataLoss(
    session,
    steps.map(({ migration }) => migration),
  );
  return { steps, history, dataLoss };
}

/**
 * These migrations as steps, each by the file of this image or else by the ledger's copy.
 *
 * @throws AppError `migration-files-invalid` when one of them has no way down; as `resumeOf`
 */
export async function downSteps(
  config: Config,
  database: MigrationSession,
  known: readonly KnownMigration[],
  chosen: readonly AppliedMigration[],
  history: Pick<History, "unfinished">,
  intent?: "redo",
): Promise<Step[]> {
  const problems: string[] = [];
  const steps: Step[] = [];
  for (const entry of chosen) {
    const migration = await prepareDown(database, entry, known, problems);
    if (migration === undefined) continue;
    const run = history.unfinished.find(({ name, direction }) => name === entry.name && direction === "down");
    steps.push({
      migration,
      texts: { up: undefined, down: migration.source, intent },
      unfinished: await resumeOf(database, migration, run),
    });
  }
  if (problems.length > 0) throw filesInvalid(migrationsDirectory(config), problems);
  return steps;
}

/** Of the newest first those that are to be reverted. */
export function chooseNewest<T extends { readonly version: bigint | undefined }>(
  newestFirst: readonly T[],
  { to, count }: Pick<DownOptions, "to" | "count">,
): readonly T[] {
  return to === undefined
    ? newestFirst.slice(0, count === 0 ? newestFirst.length : count)
    : newestFirst.filter(({ version }) => version === undefined || version > to);
}

/** One migration's way down: the file of this image, else the ledger's copy. */
async function prepareDown(
  database: MigrationSession,
  entry: AppliedMigration,
  known: readonly KnownMigration[],
  problems: string[],
): Promise<PreparedMigration | undefined> {
  if (entry.directives.irreversible !== undefined) {
    problems.push(`${entry.name} is irreversible: ${entry.directives.irreversible}.`);
    return undefined;
  }
  const file = known.find(({ name }) => name === entry.name);
  if (file === undefined) return await prepareFromLedger(database, entry, problems);
  const migration = await prepareDownFile(file, problems);
  return (
    migration &&
    withEditNoted(migration, await readKeptTexts(database.session.client, database.tables, entry.name))
  );
}

/** The way down by the file of this image; the lack of one is added to `problems`. */
export async function prepareDownFile(
  file: KnownMigration,
  problems: string[],
): Promise<PreparedMigration | undefined> {
  if (file.downPath === undefined) {
    problems.push(`${file.name} has no down file; write ${file.name}.down.sql, or restore a back-up.`);
    return undefined;
  }
  return await prepareMigration(file, "down", file.downPath, problems);
}

function withEditNoted(migration: PreparedMigration, kept: KeptTexts | undefined): PreparedMigration {
  if (!kept?.downChecksum || kept.downChecksum === checksumOf(withLineFeeds(migration.source)))
    return migration;
  const note = `${migration.file.name}: the down file was edited after the migration was applied; the file of this image is used.`;
  return { ...migration, warnings: [...migration.warnings, note] };
}

async function prepareFromLedger(
  database: MigrationSession,
  entry: AppliedMigration,
  problems: string[],
): Promise<PreparedMigration | undefined> {
  const { name, version } = entry;
  const kept = await readKeptTexts(database.session.client, database.tables, name);
  if (kept?.directives.secret && kept.downText === null) {
    problems.push(
      `${name} is marked as secret, so the ledger keeps no text of it, and this image has no file of it. Use the image that brought it.`,
    );
    return undefined;
  }
  if (kept === undefined || kept.downText === null || version === undefined) {
    problems.push(
      `${name} is applied, this image has no file of it, and the ledger holds no down either. Use the image that brought it.`,
    );
    return undefined;
  }
  if (kept.downChecksum !== checksumOf(withLineFeeds(kept.downText))) {
    problems.push(
      `${name}: the down text in the ledger does not match its checksum; it was tampered with and is not run. Use the image that brought it.`,
    );
    return undefined;
  }
  if (kept.kind === "code") {
    problems.push(
      `${name} is a TypeScript or JavaScript migration; code from the database is never run. Use the image that has its file.`,
    );
    return undefined;
  }
  const path = `${name}.down.sql`;
  const file: KnownMigration = {
    version,
    versionText: /^\d+/.exec(name)![0],
    name,
    kind: "sql",
    upPath: path,
    downPath: path,
    checksum: entry.checksum ?? "",
    deferred: false,
  };
  return await prepareText(file, "down", path, { text: kept.downText }, problems);
}
