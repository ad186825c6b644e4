import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSession, closeSession, type Session } from "../../../database/session.ts";
import { readCatalogue, type CatalogueEntry } from "../../../migrate/catalogue/read.ts";
import { readData, type TableData } from "../../support/read-data.ts";
import { startProgram, type ProgramEnd, type RunningProgram } from "../../support/run-program.ts";
import { createTestDatabase, withTestSession, type TestDatabase } from "../../support/test-database.ts";
import { waitForCondition } from "../../support/wait-for-condition.ts";

/** Where a run goes wrong: a database, a folder of migrations, and hands to hold things up. */
export interface Scene {
  readonly database: TestDatabase;
  readonly folder: string;
  /** Starts `migrate up --yes`. */
  startUp(env?: Readonly<Record<string, string>>, ...flags: string[]): RunningProgram;
  /** Runs it to its end. */
  up(env?: Readonly<Record<string, string>>, ...flags: string[]): Promise<ProgramEnd>;
  /** Holds what `sql` holds until it is let go, or the scene ends. */
  hold(sql: string): Promise<Hold>;
  /** Resolves with the runner's backend once that waits: for a lock when `event` is not given. */
  waitUntilStuck(runner: RunningProgram, event?: string): Promise<number>;
  /** Resolves when that backend has ended, with the milliseconds that took. */
  waitUntilGone(backend: number): Promise<number>;
  /** Schema, data and history, to compare with those of an undisturbed run. */
  outcome(): Promise<Outcome>;
  remove(): Promise<void>;
}

export interface Hold {
  readonly session: Session;
  letGo(): Promise<void>;
}

export interface Outcome {
  readonly catalogue: readonly CatalogueEntry[];
  readonly data: readonly TableData[];
  /** Names in the order in which they were applied. */
  readonly applied: readonly string[];
}

/** Ledger tables; what they hold differs from run to run. */
export const ledgerTables = ["public.schema_migrations", "public.schema_migration_runs"] as const;

/** SQL to put into a migration: it passes at once unless a test holds the gate of that number. */
export function gate(number: number): string {
  return `pg_advisory_xact_lock_shared(4711, ${number})`;
}

/** SQL with which a test holds that gate. */
export function holdGate(number: number): string {
  return `SELECT pg_advisory_lock(4711, ${number})`;
}

/** How long a test waits for something to happen that has no limit of its own. */
const patience = { timeout: 40_000 };

const live = new Set<Scene>();

/** For `afterEach`: nothing of a test is left, also when it failed. */
export async function removeScenes(): Promise<void> {
  await Promise.all([...live].map(async (scene) => await scene.remove()));
}

/** A folder with these files, in the system's temporary folder. */
export function writeMigrations(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "headgate-faults-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** What these migrations make of a database on which `setup` was run, when nobody disturbs them. */
export async function undisturbedOutcome(
  files: Readonly<Record<string, string>>,
  setup?: string,
): Promise<Outcome> {
  const scene = await createScene(files, setup);
  const { code, stderr } = await scene.up();
  if (code !== 0) throw new Error(`the undisturbed run failed:\n${stderr}`);
  const outcome = await scene.outcome();
  await scene.remove();
  return outcome;
}

/** A database of its own, on which `setup` was run, with these migrations. */
export async function createScene(files: Readonly<Record<string, string>>, setup?: string): Promise<Scene> {
  const database = await createTestDatabase();
  if (setup !== undefined) await database.query(setup);
  const folder = writeMigrations(files);
  const holds = new Set<Hold>();
  // What `setup` makes is ours: the first run may begin beside it.
  const consent = setup === undefined ? {} : { MIGRATE_NONEMPTY_DATABASE: "allow" };
  const startUp: Scene["startUp"] = (env, ...flags) =>
    startProgram("migrate", {
      args: ["up", "--yes", ...flags],
      env: { ...environmentOf(database.url, folder), ...consent, ...env },
    });
  const scene: Scene = {
    database,
    folder,
    startUp,
    up: async (env, ...flags) => await startUp(env, ...flags).ended,
    async hold(sql) {
      const session = await openSession(database.address, "hold", 10_000);
      const hold: Hold = {
        session,
        async letGo() {
          holds.delete(hold);
          await closeSession(session);
        },
      };
      holds.add(hold);
      // As any client of this role: our own statements have another search path.
      await session.client.query("RESET ALL");
      await session.client.query(sql);
      return hold;
    },
    waitUntilStuck: async (runner, event) => await waitUntilStuck(database, runner, event),
    waitUntilGone: async (backend) => await waitUntilGone(database, backend),
    outcome: async () => await readOutcome(database),
    async remove() {
      live.delete(scene);
      await Promise.all([...holds].map(async (hold) => await hold.letGo()));
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  live.add(scene);
  return scene;
}

/** What a runner is told: nothing of this machine, and no lock time-out that would let it slip out of a test's hands. */
export function environmentOf(url: string, folder: string): Record<string, string> {
  return { DATABASE_URL: url, MIGRATIONS_DIR: folder, LOG_FORMAT: "json", MIGRATE_LOCK_TIMEOUT: "10min" };
}

async function readOutcome({ address }: TestDatabase): Promise<Outcome> {
  return await withTestSession(address, async ({ client }) => {
    const catalogue = await readCatalogue(client);
    const data = await readData(client, ledgerTables);
    const { rows } = await client.query<{ name: string }>("SELECT name FROM schema_migrations ORDER BY id");
    return { catalogue, data, applied: rows.map(({ name }) => name) };
  });
}

interface Activity {
  readonly pid: number;
  readonly event: string | null;
}

async function waitUntilStuck(
  database: TestDatabase,
  runner: RunningProgram,
  event?: string,
): Promise<number> {
  return await withTestSession(database.address, async ({ client }) => {
    const look = async (): Promise<number | undefined> => {
      if (runner.child.exitCode !== null) throw new Error(`the runner has ended:\n${runner.stderr()}`);
      const { rows } = await client.query<Activity>(
        `SELECT pid, wait_event AS event FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'headgate migrate%:' || $1 AND state <> 'idle'
            AND CASE WHEN $2::text IS NULL THEN wait_event_type = 'Lock' ELSE wait_event = $2 END`,
        [String(runner.pid), event ?? null],
      );
      return rows[0]?.pid;
    };
    return await waitForCondition(`runner ${runner.pid} to wait for ${event ?? "a lock"}`, look, patience);
  });
}

async function waitUntilGone(database: TestDatabase, backend: number): Promise<number> {
  const started = performance.now();
  await withTestSession(database.address, async ({ client }) => {
    const isGone = async (): Promise<boolean> =>
      (await client.query("SELECT FROM pg_stat_activity WHERE pid = $1", [backend])).rowCount === 0;
    await waitForCondition(`backend ${backend} to end`, isGone, patience);
  });
  return performance.now() - started;
}
