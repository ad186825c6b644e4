import type { Config, DatabaseAddress, SettingValues } from "../../config/settings.ts";
import { closeSession, openSession } from "../../database/session.ts";
import { AppError } from "../../errors.ts";
import { createCatalogueReader } from "../catalogue/reader.ts";
import type { Listener, MigrationEvent } from "../events.ts";
import { filesInvalid } from "../files.ts";
import { readKnownMigrations } from "../known-migrations.ts";
import { migrationsDirectory, withMigrationSession } from "../migration-session.ts";
import { prepareMigration, type PreparedMigration } from "../prepare.ts";
import { runSteps } from "../run-steps.ts";
import { toStep } from "../up.ts";
import { withMigrationLock, type RunOptions } from "../with-lock.ts";
import { checkMigration } from "./check-migration.ts";
import { withScratchDatabase, type ConfiguredServer, type ScratchDatabase } from "./scratch-database.ts";
import { isFinding } from "./verdict.ts";
import { notTried, type Verification } from "./verification.ts";

export interface VerifyOptions extends RunOptions {
  /** The database that the migrations are for; its server is used unless `scratch` names another. */
  readonly configured: DatabaseAddress | undefined;
  /** An empty database to try them in; it is empty again afterwards. */
  readonly scratch: DatabaseAddress | undefined;
  /** None above this version. */
  readonly to: bigint | undefined;
}

export interface VerifyResult {
  /** `failed`: a migration could not be applied at all, and nothing behind it was tried. */
  readonly outcome: "faithful" | "findings" | "failed";
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly version: string;
    readonly configured: ConfiguredServer;
    /** Whether the configured database has a server of another major version; null where that is not known. */
    readonly otherMajor: boolean | null;
  };
  readonly migrations: readonly Verification[];
  readonly failed: Failure | undefined;
}

interface Failure {
  readonly name: string;
  readonly error: AppError;
}

/**
 * Tries every migration on a scratch database: up, down and up again, with the schema compared in between. Nothing of it
 * is left, also when the signal fires; what a killed run left, the next one removes.
 *
 * @throws AppError as `withScratchDatabase` and `migrateUp`
 */
export async function verifyMigrations(
  settings: SettingValues,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const ups = await prepareUps(settings, options.to);
  const { signal, listener = () => undefined } = options;
  return await withScratchDatabase(settings, { ...options, signal, listener }, async (scratch) => {
    const config = { ...settings, database: scratch.address, migrationDatabase: scratch.address };
    const migrations: Verification[] = [];
    let failure: Failure | undefined;
    while (migrations.length < ups.length && failure === undefined) {
      if (migrations.length > 0) await scratch.empty();
      failure = await verifyFrom(config, scratch, ups, migrations, { signal, listener });
    }
    return describe(scratch, migrations, failure);
  });
}

/** Reads and checks all of them first, as `up` does. */
async function prepareUps(settings: SettingValues, to: bigint | undefined): Promise<PreparedMigration[]> {
  const known = readKnownMigrations(settings);
  const directory = migrationsDirectory(settings);
  if (to !== undefined && !known.some(({ version }) => version === to))
    throw new AppError("usage", `There is no migration with version ${to} in ${directory}.`);
  const problems: string[] = [];
  const ups: PreparedMigration[] = [];
  for (const file of known.filter(({ version }) => to === undefined || version <= to)) {
    const up = await prepareMigration(file, "up", file.upPath, problems);
    if (up !== undefined) ups.push(up);
  }
  if (problems.length > 0) throw filesInvalid(directory, problems);
  return ups;
}

/**
 * Applies what is verified already to an empty scratch database, and verifies what comes next, until one leaves the
 * database in a state that the ones behind it must not be judged in.
 *
 * @returns why a migration could not be applied
 */
async function verifyFrom(
  config: Config,
  scratch: ScratchDatabase,
  ups: readonly PreparedMigration[],
  migrations: Verification[],
  { signal, listener }: { readonly signal: AbortSignal | undefined; readonly listener: Listener },
): Promise<Failure | undefined> {
  const options = { signal, listener: onlyWhatMatters(listener) };
  return await withMigrationSession(config, { activity: "migrate verify", ...options }, async (database) => {
    const observer = await openSession(scratch.address, "verify", config.waitTimeout, signal);
    try {
      return await withMigrationLock(database, config, options, async (run) => {
        for (const up of ups.slice(0, migrations.length)) {
          const { failed } = await runSteps(run, [
            await toStep(database, up, { unfinished: [], openRedo: undefined }),
          ]);
          if (failed !== undefined) {
            migrations.push(...ups.slice(migrations.length).map(({ file }) => notTried(file)));
            return failed;
          }
        }
        const reader = await createCatalogueReader(observer);
        let schema = await reader.read();
        for (const up of ups.slice(migrations.length)) {
          const checked = await checkMigration({ run, database, reader, scratch }, up, schema);
          migrations.push(checked.verification);
          const { name, verdict, ranMs } = checked.verification;
          const position = { index: migrations.length, total: ups.length };
          listener({
            type: "verified",
            name,
            verdict,
            isFinding: isFinding({ verdict }),
            ranMs,
            ...position,
          });
          if (checked.isEnd) {
            migrations.push(...ups.slice(migrations.length).map(({ file }) => notTried(file)));
            return checked.failure && { name, error: checked.failure };
          }
          if (checked.schema === undefined) return undefined;
          schema = checked.schema;
        }
        return undefined;
      });
    } finally {
      await closeSession(observer);
    }
  });
}

/** One line says what became of a migration; what its three runs say is no news. */
function onlyWhatMatters(listener: Listener): Listener {
  const told = new Set<string>();
  const matters: ReadonlySet<MigrationEvent["type"]> = new Set([
    "warning",
    "retry",
    "blocked",
    "working",
    "waiting-for-lock",
    "waiting-for-ledger",
  ]);
  return (event) => {
    if (!matters.has(event.type)) return;
    if (event.type === "warning") {
      if (told.has(event.text)) return;
      told.add(event.text);
    }
    listener(event);
  };
}

function describe(
  { address, serverVersion, configured }: ScratchDatabase,
  migrations: readonly Verification[],
  failed: Failure | undefined,
): VerifyResult {
  const major = (version: string): string => version.split(".")[0]!;
  return {
    outcome: failed !== undefined ? "failed" : migrations.some(isFinding) ? "findings" : "faithful",
    server: {
      host: address.host,
      port: address.port,
      version: serverVersion,
      configured,
      otherMajor: "version" in configured ? major(configured.version) !== major(serverVersion) : null,
    },
    migrations,
    failed,
  };
}
