import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForCondition } from "../support/wait-for-condition.ts";
import {
  hardening,
  logsOf,
  runImage,
  signalAndWait,
  startImage,
  startPostgres,
  waitForLog,
  withDatabase,
  type Postgres,
} from "./support/containers.ts";
import { createMigrationsFolder, type MigrationsFolder } from "./support/migrations-folder.ts";
import { tryDocker } from "./support/run.ts";

let postgres: Postgres;
let migrations: MigrationsFolder;
const started: string[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  // It sleeps for a minute, so that it is met in the middle, unless there is a table "hurry".
  migrations = await createMigrationsFolder({
    "000001_create_first.up.sql": "CREATE TABLE first ();\n",
    "000002_create_slow.up.sql":
      "CREATE TABLE slow ();\nSELECT pg_sleep(CASE WHEN to_regclass('hurry') IS NULL THEN 60 ELSE 0 END);\n",
  });
});
afterEach(async () => {
  for (const name of started.splice(0)) await tryDocker("rm", "--force", "--volumes", name);
});
afterAll(async () => {
  await migrations.remove();
  await postgres.remove();
});

/** A container on a database of its own (or that of another one), with the migrations above. */
async function start(command: string, url: string): Promise<string> {
  const options = [...withDatabase(postgres, url), ...hardening, ...migrations.mount];
  const name = await startImage(options, ...command.split(" "));
  started.push(name);
  return name;
}

/** A container in the middle of its second migration. */
async function startMigrating(command: string): Promise<{ name: string; url: string; database: string }> {
  const url = await postgres.createDatabase();
  const name = await start(command, url);
  const database = url.slice(url.lastIndexOf("/") + 1);
  await waitForCondition("the migration to sleep", async () => (await sleepers(database)) === "1", {
    interval: 100,
  });
  return { name, url, database };
}

function sleepers(database: string): Promise<string> {
  const sql =
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
  return postgres.ask(sql, database);
}

describe.each(["serve", "migrate up --yes"])("a signal to the container that runs %s", (command) => {
  it("ends it within a second with 143 while it waits for PostgreSQL", async () => {
    // An address that takes connections to nowhere: nothing answers there.
    const name = await start(command, "postgres://nobody:x@192.0.2.1:5432/none");
    await waitForLog(name, "192.0.2.1:5432");
    const end = await signalAndWait(name, "TERM");
    expect(end.code).toBe(143);
    expect(end.milliseconds).toBeLessThan(1000);
    expect(await logsOf(name)).not.toContain("API listening");
  });

  it("ends it within a second with 143 while it waits for the lock, and leaves the holder alone", async () => {
    const holder = await startMigrating(command);
    const waiter = await start(command, holder.url);
    await waitForLog(waiter, "waiting for the migration lock");
    const end = await signalAndWait(waiter, "TERM");
    expect(end.code).toBe(143);
    expect(end.milliseconds).toBeLessThan(1000);
    expect(await logsOf(waiter)).not.toContain("API listening");
    expect(await sleepers(holder.database)).toBe("1");
  });

  it.each([
    ["TERM", 143],
    ["INT", 130],
  ])("ends it within a second while it migrates (%s: %i), and nothing is half done", async (signal, code) => {
    const { name, database } = await startMigrating(command);
    const end = await signalAndWait(name, signal);
    expect(end.code).toBe(code);
    expect(end.milliseconds).toBeLessThan(1000);
    expect(await logsOf(name)).not.toContain("API listening");
    expect(
      await postgres.ask("SELECT to_regclass('slow') IS NULL, to_regclass('first') IS NULL", database),
    ).toBe("t,f");
    expect(await sleepers(database)).toBe("0");
  });

  it("leaves a database that heals by itself when it is KILL in the middle of a migration", async () => {
    const { name, url, database } = await startMigrating(command);
    expect((await signalAndWait(name, "KILL")).code).toBe(137);
    await postgres.ask("CREATE TABLE hurry ()", database);
    const options = [...withDatabase(postgres, url), ...hardening, ...migrations.mount];
    const again = await runImage(options, "migrate", "up");
    expect(again.output).toContain("000002_create_slow");
    expect(again.code).toBe(0);
    expect(again.milliseconds).toBeLessThan(15_000);
    expect(await postgres.ask("SELECT to_regclass('slow') IS NOT NULL", database)).toBe("t");
    const sql = "SELECT version, state FROM schema_migration_runs WHERE state = 'applied' ORDER BY version";
    expect(await postgres.ask(sql, database)).toBe("1,applied\n2,applied");
  });
});

describe("a signal to the container that serves", () => {
  it("ends it within a second with 0", async () => {
    const name = await startImage([...withDatabase(postgres, await postgres.createDatabase()), ...hardening]);
    started.push(name);
    await waitForLog(name, "API listening");
    const end = await signalAndWait(name, "TERM");
    expect(end.code).toBe(0);
    expect(end.milliseconds).toBeLessThan(1000);
  });
});
