import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { startDeferredMigrations } from "../../deferred-migrations.ts";
import { createLog } from "../../log.ts";
import { migrateUp } from "../../migrate/up.ts";
import { startService, type Service } from "../../service.ts";
import { startProgram } from "../support/run-program.ts";
import {
  configOf,
  createTestDatabase,
  withTestSession,
  type TestDatabase,
} from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

let folder: string;
let database: TestDatabase;
let services: Service[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headgate-deferred-"));
  database = await createTestDatabase();
  services = [];
  await writeFile(join(folder, "000001_one.up.sql"), "CREATE TABLE one (id int);\n");
  await writeFile(
    join(folder, "000002_later.up.sql"),
    "-- migrate: deferred\nCREATE TABLE later (pid int); INSERT INTO later VALUES (pg_backend_pid());\n",
  );
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await database.drop();
  await rm(folder, { recursive: true });
});

const log = createLog({ level: "silent", format: "json", stream: { write: () => undefined } });

async function serve(env: Readonly<Record<string, string>> = {}): Promise<void> {
  services.push(await startService(configOf(database.url, { MIGRATIONS_DIR: folder, ...env }), log));
}

const runsOfLater = async (): Promise<unknown> =>
  await database.query("SELECT state FROM schema_migration_runs WHERE name = '000002_later'");

describe("migrate deferred", () => {
  it("says what has been applied, where the schema is, and what is left", async () => {
    await writeFile(join(folder, "000003_three.up.sql"), "CREATE TABLE three (id int);\n");
    const run = async (...args: string[]): Promise<unknown> =>
      JSON.parse(
        (
          await startProgram("migrate", {
            args: [...args, "--yes", "--json"],
            env: { DATABASE_URL: database.url, MIGRATIONS_DIR: folder },
          }).ended
        ).stdout,
      );
    await expect(run("up")).resolves.toMatchObject({
      applied: [{ name: "000001_one" }, { name: "000003_three" }],
      deferred: ["000002_later"],
      current: "000003_three",
    });
    await expect(run("deferred")).resolves.toMatchObject({
      applied: [{ name: "000002_later" }],
      deferred: [],
      current: "000003_three",
    });
  });
});

describe("a service with deferred migrations", () => {
  it("is ready without them, and one of several replicas applies them", async () => {
    await migrateUp(configOf(database.url, { MIGRATIONS_DIR: folder }));
    await Promise.all([serve(), serve(), serve()]);
    const ready = await fetch(`http://127.0.0.1:${services[0]!.port}/ready`);
    expect(ready.status).toBe(200);
    await waitForCondition(
      "the deferred migration to be applied",
      async () => ((await runsOfLater()) as unknown[]).length > 0,
    );
    await Promise.all(services.splice(0).map((service) => service.stop()));
    expect(await runsOfLater()).toEqual([{ state: "applied" }]);
  });

  it("tries again after its session was ended", async () => {
    const config = configOf(database.url, { MIGRATIONS_DIR: folder });
    await migrateUp(config);
    await writeFile(
      join(folder, "000002_later.up.sql"),
      "-- migrate: deferred\nCREATE TABLE later AS TABLE one;\n",
    );
    const busy =
      "FROM pg_stat_activity WHERE application_name LIKE 'headgate migrate up 000002_later%' AND wait_event_type = 'Lock'";
    const deferred = await withTestSession(database.address, async ({ client }) => {
      await client.query("BEGIN; LOCK TABLE one");
      const started = startDeferredMigrations(config, log, {
        hasDeferred: true,
        isReady: async () => true,
        pauseBetweenTries: 10,
      });
      await waitForCondition(
        "the deferred migration to wait",
        async () => (await database.query(`SELECT ${busy}`)).length > 0,
      );
      await database.query(`SELECT pg_terminate_backend(pid) ${busy}`);
      await client.query("COMMIT");
      return started;
    });
    await waitForCondition(
      "the deferred migration to be applied",
      async () =>
        (await database.query("SELECT FROM schema_migrations WHERE name = '000002_later'")).length > 0,
    );
    await deferred.stop();
  });

  it("leaves them alone before the schema is ready, and where migrations are not its business", async () => {
    await serve();
    const ready = await fetch(`http://127.0.0.1:${services[0]!.port}/ready`);
    expect(ready.status).toBe(503);
    await Promise.all(services.splice(0).map((service) => service.stop()));
    expect(await database.query("SELECT to_regclass('later') AS later")).toEqual([{ later: null }]);
    await migrateUp(configOf(database.url, { MIGRATIONS_DIR: folder }));
    await serve({ MIGRATE_ON_START: "check" });
    await waitForCondition(
      "the service to be ready",
      async () => (await fetch(`http://127.0.0.1:${services[0]!.port}/ready`)).ok,
    );
    await Promise.all(services.splice(0).map((service) => service.stop()));
    expect(await runsOfLater()).toEqual([]);
  });
});
