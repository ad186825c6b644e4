import type { Config, SettingValues } from "../../config/settings.ts";
import { AppError } from "../../errors.ts";
import { chooseNewest, planDown, prepareDownFile } from "../down.ts";
import { filesInvalid } from "../files.ts";
import type { KnownMigration } from "../history.ts";
import { readKnownMigrations } from "../known-migrations.ts";
import { readLedger } from "../ledger.ts";
import { migrationsDirectory, withMigrationSession } from "../migration-session.ts";
import type { Step } from "../run-steps.ts";
import { planUp, prepareAll, recordedTexts } from "../up.ts";
import type { RunOptions } from "../with-lock.ts";
import type { ScriptSteps } from "./script.ts";

export interface ScriptRange {
  readonly direction: "up" | "down";
  /** Up: none above this version. Down: everything above it. */
  readonly to?: bigint | undefined;
  /** At most so many; down: 0 means all. */
  readonly count?: number | undefined;
  /** Deferred migrations too. */
  readonly deferred?: boolean;
}

/**
 * The steps that a run on this database would take. Only reads.
 *
 * @throws AppError as `migrateUp` and `migrateDown` do before they change anything
 */
export async function readScriptSteps(
  config: Config,
  range: ScriptRange,
  { signal, listener }: RunOptions,
): Promise<ScriptSteps> {
  const { direction, to, count } = range;
  const known = readKnownMigrations(config);
  return await withMigrationSession(
    config,
    { activity: "migrate sql", readOnly: true, signal, listener },
    async (database) => {
      const ledger = await readLedger(database.session.client, database.tables);
      const tolerated = ledger.applied.map(({ name }) => name);
      if (direction === "down") {
        const { steps } = await planDown(config, database, known, { to, count });
        return { direction, steps, applied: [], tolerated, deferred: [] };
      }
      const { steps, history, deferred, consent } = await planUp(config, database, known, ledger, {
        to,
        limit: count,
        ...(listener === undefined ? {} : { listener }),
        deferred: range.deferred ? "all" : undefined,
      });
      const mixed = steps.find(({ migration }) => migration.direction !== direction);
      if (mixed !== undefined) {
        throw new AppError(
          "history-conflict",
          `A redo of ${mixed.migration.file.name} was interrupted while it reverted; only a run finishes that: \`migrate up\`.`,
        );
      }
      return {
        direction,
        steps,
        applied: history.applied.map(({ file }) => file.name),
        tolerated,
        deferred: deferred.map(({ name }) => name),
        consent,
      };
    },
  );
}

/**
 * The steps from one version to another by the files alone; `from` 0 is an empty database.
 *
 * @throws AppError `usage` for a version that no file has, `configuration`, `migration-files-invalid`
 */
export async function scriptStepsFromFiles(
  config: Pick<SettingValues, "migrationsDirectory">,
  from: bigint,
  range: ScriptRange,
): Promise<ScriptSteps> {
  const { direction, to, count } = range;
  const known = readKnownMigrations(config);
  for (const version of [from, to]) {
    if (version === undefined || version === 0n || known.some((file) => file.version === version)) continue;
    throw new AppError(
      "usage",
      `There is no migration with version ${version} in ${migrationsDirectory(config)}.`,
    );
  }
  const chosen = known.filter(({ deferred }) => range.deferred || !deferred);
  const below = chosen.filter(({ version }) => version <= from);
  if (direction === "down")
    return {
      direction,
      steps: await downSteps(config, chooseNewest(below.toReversed(), { to, count })),
      applied: [],
      tolerated: known.filter(({ version }) => version <= from).map(({ name }) => name),
      deferred: [],
    };
  const isMeant = ({ version }: KnownMigration): boolean =>
    version > from && (to === undefined || version <= to);
  const prepared = await prepareAll(config, chosen.filter(isMeant).slice(0, count));
  return {
    direction,
    steps: prepared.map((migration) => ({
      migration,
      texts: recordedTexts(migration),
      unfinished: undefined,
    })),
    applied: below.filter((file) => !file.deferred).map(({ name }) => name),
    tolerated: known.filter((file) => file.deferred).map(({ name }) => name),
    deferred: known
      .filter((file) => file.deferred && !range.deferred && isMeant(file))
      .map(({ name }) => name),
  };
}

async function downSteps(
  config: Pick<SettingValues, "migrationsDirectory">,
  chosen: readonly KnownMigration[],
): Promise<Step[]> {
  const problems: string[] = [];
  const steps: Step[] = [];
  const irreversible = new Map(
    (await prepareAll(config, chosen)).map(({ file, directives }) => [file.name, directives.irreversible]),
  );
  for (const file of chosen) {
    const reason = irreversible.get(file.name);
    if (reason !== undefined) problems.push(`${file.name} is irreversible: ${reason}.`);
    const migration = reason === undefined ? await prepareDownFile(file, problems) : undefined;
    if (migration === undefined) continue;
    steps.push({
      migration,
      texts: { up: undefined, down: migration.source },
      unfinished: undefined,
    });
  }
  if (problems.length > 0) throw filesInvalid(migrationsDirectory(config), problems);
  return steps;
}
