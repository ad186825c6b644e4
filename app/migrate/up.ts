import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/settings.ts";
import { AppError } from "../errors.ts";
import { agree } from "./agree.ts";
import { filesInvalid } from "./files.ts";
import type { CompareOptions, History, KnownMigration } from "./history.ts";
import { compareOnGround } from "./compare-on-ground.ts";
import { compareHistory } from "./history.ts";
import { digestOf, digestOfNames, historyAtHead, readHistoryDigest } from "./history-digest.ts";
import {
  assertNothingLeftOut,
  assertUsable,
  readKnownMigrations,
  readKnownMigrationsInSlices,
} from "./known-migrations.ts";
import { readPlainFolder } from "./plain-folder.ts";
import { readLedger, type LedgerState, type UnfinishedRun } from "./ledger.ts";
import { downSteps } from "./down.ts";
import { migrationsDirectory, type MigrationSession } from "./migration-session.ts";
import { prepareMigration, type PreparedMigration } from "./prepare.ts";
import { resumeOf } from "./resume.ts";
import { describeUnfinished, settleBy } from "./half-done.ts";
import { readOwnText } from "./section-text.ts";
import type { RecordedTexts } from "./run-context.ts";
import type { RunMemory } from "./run-memory.ts";
import { withRunSession } from "./run-session.ts";
import { runSteps, type RunResult, type Step } from "./run-steps.ts";
import { throughLosses } from "./through-losses.ts";
import { withMigrationLock, type RunOptions } from "./with-lock.ts";

export interface UpOptions extends RunOptions, CompareOptions {
  /** At most so many migrations. */
  readonly limit?: number | undefined;
  /** None above this version. */
  readonly to?: bigint | undefined;
  /** `only`: the deferred migrations and no others; `all`: these too; without it, all others. */
  readonly deferred?: "only" | "all" | undefined;
  /** Everything in the database is dropped first: what it holds now does not matter. */
  readonly afterDrop?: boolean;
  /** Plans and stops. */
  readonly dryRun?: boolean;
  /** Asked once before anything is changed. */
  readonly confirm?: (plan: UpPlan) => Promise<boolean>;
}

/** What a run would do, as a value. */
export interface UpPlan {
  readonly steps: readonly Step[];
  readonly history: History;
  /** The name of the highest version that is applied by now. */
  readonly newest: string | null;
  /** Pending migrations that this run leaves out because they are deferred. */
  readonly deferred: readonly KnownMigration[];
  /** The first run in a database with tables of others, which a setting allows: what it has consented to. */
  readonly consent?: string | undefined;
}

export interface UpResult extends RunResult {
  readonly outcome: "up-to-date" | "planned" | "declined" | "applied" | "failed";
  readonly plan: UpPlan;
}

/**
 * Brings the schema to head, or as far as the options say. With nothing to do it takes no lock, writes nothing and does
 * not load node-pg-migrate.
 *
 * @throws AppError `configuration`, `migration-files-invalid`, `database-unreachable`, `database-refused`,
 *   `history-conflict`, `image-too-old`, `lock-not-obtained`, `lock-lost`, `interrupted`. A migration that fails is not
 *   thrown but returned, with what was done before it.
 */
export async function migrateUp(config: Config, options: UpOptions = {}): Promise<UpResult> {
  const reading = readFiles(config);
  return await throughLosses<UpPlan, UpResult>(
    config,
    options,
    async (memory) => await attemptUp(config, options, reading, memory),
    (plan, result) => ({ outcome: "failed", plan, ...result }),
  );
}

async function attemptUp(
  config: Config,
  options: UpOptions,
  reading: Promise<Files>,
  memory: RunMemory<UpPlan>,
): Promise<UpResult> {
  const { signal, listener } = options;
  // What was agreed on first limits what is left.
  const wish = memory.isResumed ? { ...options, limit: undefined } : options;
  return await withRunSession(
    config,
    { activity: "migrate up", signal, listener, meanwhile: reading },
    memory,
    async (database) => {
      const { client } = database.session;
      const nothing = { done: [], failed: undefined, notTried: [] };
      const [files, digest] = await Promise.all([reading, readHistoryDigest(client, database.tables)]);
      if (options.to === undefined && digest === files.digest && !memory.isResumed) {
        warnOfLeftOut(files, listener);
        const history = historyAtHead(() => files.known ?? readKnownMigrations(config));
        const plan = { steps: [], history, newest: files.newest, deferred: [] };
        return { outcome: "up-to-date", plan, ...nothing };
      }
      const known = files.known ?? (await readKnownMigrationsInSlices(config));
      const ledger = await readLedger(client, database.tables);
      const plan = await planUp(config, database, known, ledger, wish);
      if (plan.steps.length === 0 && !memory.isResumed) {
        warnOfLeftOut(files, listener);
        return { outcome: "up-to-date", plan, ...nothing };
      }
      if (options.dryRun) return { outcome: "planned", plan, ...nothing };
      if (!memory.isResumed && !(await agree(database.session, plan, options.confirm)))
        return { outcome: "declined", plan, ...nothing };
      return await withMigrationLock(database, config, { ...options, memory }, async (context) => {
        // Somebody else may have migrated while we waited.
        const now = await readLedger(client, database.tables);
        const fresh = isDeepStrictEqual(now, ledger)
          ? plan
          : await planUp(config, database, known, now, wish);
        const steps = memory.take(fresh, fresh.steps, context.listener);
        if (steps.length === 0 && memory.done.length === 0)
          return { outcome: "up-to-date", plan: fresh, ...nothing };
        if (plan.consent !== undefined) {
          const { recordConsent } = await import("./foreign/consent.ts");
          await recordConsent(context.session.client, context.tables, plan.consent);
        }
        const result = await runSteps(context, steps);
        return { outcome: result.failed === undefined ? "applied" : "failed", plan: fresh, ...result };
      });
    },
  );
}

interface Files {
  /** As `readHistoryDigest` would have it if all of them were applied. */
  readonly digest: string;
  readonly newest: string | null;
  /** undefined: the folder is plain, and none of its files was looked at for itself. */
  readonly known: readonly KnownMigration[] | undefined;
  /** What looks like a migration and is not run. A plain folder holds no such thing. */
  readonly leftOut: readonly string[];
}

const mostWarnings = 20;

/** With nothing to run, they keep nothing from its place. */
function warnOfLeftOut({ leftOut }: Files, listener: UpOptions["listener"]): void {
  const more = leftOut.length - mostWarnings;
  const texts = [...leftOut.slice(0, mostWarnings), ...(more > 0 ? [`… and ${more} more`] : [])];
  for (const text of texts) {
    const [name = ""] = text.split(" ", 1);
    listener?.({ type: "warning", name, text });
  }
}

/** @throws as `readKnownMigrations` */
async function readFiles(config: Config): Promise<Files> {
  const plain = await readPlainFolder(migrationsDirectory(config));
  if (plain !== undefined)
    return {
      digest: digestOfNames(plain),
      newest: plain.names.at(-1) ?? null,
      known: undefined,
      leftOut: [],
    };
  const leftOut: string[] = [];
  const known = await readKnownMigrationsInSlices(config, leftOut);
  return { digest: digestOf(known), newest: known.at(-1)?.name ?? null, known, leftOut };
}

/**
 * What `up` would run on this ledger. Only reads.
 *
 * @throws AppError as `migrateUp` does before it changes anything
 */
export async function planUp(
  config: Config,
  database: MigrationSession,
  known: readonly KnownMigration[],
  ledger: LedgerState,
  options: UpOptions,
): Promise<UpPlan> {
  const { to, limit } = options;
  if (to !== undefined && !known.some(({ version }) => version === to)) {
    throw new AppError(
      "usage",
      `There is no migration with version ${to} in ${migrationsDirectory(config)}.`,
    );
  }
  const { history, ground } = options.afterDrop
    ? { history: compareHistory(known, ledger, options), ground: undefined }
    : await compareOnGround(database, config, known, ledger, options);
  assertUsable(history, config);
  for (const text of ground?.warnings ?? []) options.listener?.({ type: "warning", name: "ledger", text });
  const consent = ground?.consent;
  // Deferred work finishes nobody's redo: it leaves that to the next start.
  const redo =
    history.halfRedone === undefined || options.deferred === "only"
      ? []
      : await finishRedo(config, database, known, ledger, history.halfRedone);
  const newest = newestOf([history.applied.at(-1)?.file, history.ahead.at(-1)]);
  const pending = history.pending.filter(({ version }) => to === undefined || version <= to);
  const isChosen = ({ deferred }: KnownMigration): boolean =>
    options.deferred === "all" || deferred === (options.deferred === "only");
  const deferred = options.deferred === "all" ? [] : pending.filter((file) => file.deferred);
  // Every start while a deferred migration waits would pay for the parser.
  if (!pending.some(isChosen)) return { steps: redo, history, newest, deferred, consent };
  // The service applies these on its own, beside a schema that has passed.
  if (options.deferred !== "only") assertNothingLeftOut(config);
  const prepared = await prepareAll(config, pending);
  const chosen = prepared.filter(({ file }) => isChosen(file));
  const steps: Step[] = [...redo];
  for (const migration of chosen.slice(0, limit ?? chosen.length))
    steps.push(await toStep(database, migration, history));
  return { steps, history, newest, deferred, consent };
}

/**
 * A redo that was interrupted while it reverted: the rest of that, and the migration again.
 *
 * @throws AppError `history-conflict` when this image has no file of it
 */
async function finishRedo(
  config: Config,
  database: MigrationSession,
  known: readonly KnownMigration[],
  ledger: LedgerState,
  half: UnfinishedRun,
): Promise<Step[]> {
  const file = known.find(({ name }) => name === half.name);
  const entry = ledger.applied.find(({ name }) => name === half.name);
  if (file === undefined || entry === undefined) throw redoElsewhere(half);
  const [up] = await prepareAll(config, [file]);
  const down = await downSteps(config, database, known, [entry], ledger, "redo");
  const texts = { ...recordedTexts(up!), intent: "redo" as const };
  return [...down, { migration: up!, texts, unfinished: undefined }];
}

/** The name of the highest version. */
export function newestOf(
  migrations: readonly ({ readonly name: string; readonly version: bigint | undefined } | undefined)[],
): string | null {
  let newest: (typeof migrations)[number];
  for (const migration of migrations)
    if ((migration?.version ?? -1n) > (newest?.version ?? -2n)) newest = migration ?? newest;
  return newest?.name ?? null;
}

/**
 * Reads and checks all of them, so that a file that cannot run is found before the first one does.
 *
 * @throws AppError `migration-files-invalid`
 */
export async function prepareAll(
  config: Pick<Config, "migrationsDirectory">,
  pending: readonly KnownMigration[],
): Promise<PreparedMigration[]> {
  const problems: string[] = [];
  const prepared: PreparedMigration[] = [];
  for (const file of pending) {
    const migration = await prepareMigration(file, "up", file.upPath, problems);
    if (migration !== undefined) prepared.push(migration);
  }
  if (problems.length > 0) throw filesInvalid(migrationsDirectory(config), problems);
  return prepared;
}

/** A prepared migration as a step, taken up where an interrupted run of it stopped. */
export async function toStep(
  database: MigrationSession,
  migration: PreparedMigration,
  history: Pick<History, "unfinished" | "openRedo">,
): Promise<Step> {
  const run = history.unfinished.find(
    ({ name, direction }) => name === migration.file.name && direction === "up",
  );
  const isRedo = run?.isRedo === true || history.openRedo === migration.file.name;
  return {
    migration,
    texts: { ...recordedTexts(migration), ...(isRedo ? { intent: "redo" } : {}) },
    unfinished: await resumeOf(database, migration, run),
  };
}

/** What the ledger keeps of a migration that is applied. */
export function recordedTexts(migration: PreparedMigration): RecordedTexts {
  return { up: migration.source, down: downText(migration) };
}

/** The way down as it is now; it goes into the ledger for images that lack it. One that cannot be read is left out. */
function downText({ file, source }: PreparedMigration): string | undefined {
  return file.kind === "code" ? source : readOwnText(file, "down");
}

function redoElsewhere(run: UnfinishedRun): AppError {
  return new AppError(
    "history-conflict",
    `${describeUnfinished(run)} It is half of a redo, and this image has no file of it. Let the image finish it that has: \`migrate redo\`; or settle it: ${settleBy(run.name)}.`,
  );
}
