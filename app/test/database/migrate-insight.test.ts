import { describe, expect, it } from "@jest/globals";
import { startProgram, type RunningProgram } from "../support/run-program.ts";
import { withTestSession } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";

const three = {
  "000001_one.up.sql": "CREATE TABLE one (id int);",
  "000001_one.down.sql": "DROP TABLE one;",
  "000002_two.up.sql": "CREATE TABLE two (id int);",
  "000002_two.down.sql": "DROP TABLE two;",
  "000003_three.up.sql": "CREATE TABLE three (id int);",
  "000003_three.down.sql": "DROP TABLE three;",
};

const quiet = { LOG_LEVEL: "silent" };

describe("migrate history", () => {
  it("shows every run, the newest first, and what failed with its reason", async () => {
    await withScene(async (scene) => {
      expect(await ask(scene, "history")).toEqual({ code: 0, document: { runs: [] } });
      writeFiles(scene.folder, { ...three, "000004_bad.up.sql": "SELECT * FROM nowhere;" });
      await migrate(scene, ["up", "--yes"]);
      await migrate(scene, ["down", "-n", "1", "--yes"]);
      const { code, document } = await ask(scene, "history", "-n", "3");
      expect({ code, document }).toMatchObject({
        code: 0,
        document: {
          runs: [
            { name: "000003_three", direction: "down", state: "reverted", error: null },
            { name: "000004_bad", direction: "up", state: "failed", error: { sqlstate: "42P01" } },
            { name: "000003_three", direction: "up", state: "applied", version: "000003", attempts: 1 },
          ],
        },
      });
      const { output } = await migrate(scene, ["history"], quiet);
      expect(output).toMatch(/^STARTED AT +DIRECTION +NAME +STATE +TOOK +BY +HEADGATE\n/);
      expect(output).toMatch(/ down +000003_three +reverted +\d/);
      expect(output).toContain('  ! 42P01: relation "nowhere" does not exist');
    });
  });
});

describe("migrate wait", () => {
  it("names the server that is ready", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      const { host, port } = scene.database.address;
      const version = expect.stringMatching(/^\d{2}\.\d+$/) as unknown;
      expect(await ask(scene, "wait")).toMatchObject({
        code: 0,
        document: { ready: true, server: { host, port, version } },
      });
    });
  });
});

describe("migrate info", () => {
  it("shows connection, server, role, privileges and ledger, and no password", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      const { address } = scene.database;
      const { code, document } = await ask(scene, "info");
      expect({ code, document }).toMatchObject({
        code: 0,
        document: {
          connection: {
            host: address.host,
            port: address.port,
            database: address.database,
            user: address.user,
          },
          server: { version: expect.stringMatching(/^1\d\./), standby: false },
          tls: null,
          role: { name: address.user },
          privileges: { createSchema: true, createTable: true, writeLedger: null },
          ledger: { exists: false },
          lock: null,
        },
      });
      const { output } = await migrate(scene, ["info"]);
      expect(output).toContain("migration lock        free");
      expect(output).not.toContain(address.password ?? "no password");
    });
  });
});

describe("migrate info while a migration runs", () => {
  it("tells who holds the lock and how many wait for it", async () => {
    await withScene(async (scene) => {
      const { address, url } = scene.database;
      writeFiles(scene.folder, { "000001_gated.up.sql": "SELECT pg_advisory_xact_lock_shared(4711, 1);" });
      await withTestSession(address, async ({ client }) => {
        await client.query("SELECT pg_advisory_lock(4711, 1)");
        const env = { DATABASE_URL: url, MIGRATIONS_DIR: scene.folder };
        const startUp = (): RunningProgram => startProgram("migrate", { args: ["up", "--yes"], env });
        const runners = [startUp(), startUp(), startUp()];
        const info = await waitForCondition("two to wait for the third", async () => {
          const { document } = await ask(scene, "info");
          return document["waiters"] === 2 && document;
        });
        expect(info).toMatchObject({
          lock: { applicationName: expect.stringMatching(/^headgate migrate up/) },
        });
        expect((await migrate(scene, ["info"], quiet)).output).toContain(", 2 other runners waiting");
        await client.query("SELECT pg_advisory_unlock(4711, 1)");
        const ends = await Promise.all(runners.map(async ({ ended }) => await ended));
        expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
      });
    });
  });
});

describe("migrate check --offline", () => {
  it("needs no database, and names what is wrong with the files", async () => {
    await withScene(async (scene) => {
      const nowhere = { DATABASE_URL: "", LOG_LEVEL: "silent" };
      writeFiles(scene.folder, three);
      expect(await migrate(scene, ["check", "--offline"], nowhere)).toMatchObject({
        code: 0,
        output: "3 migrations, all sound.\n",
      });
      writeFiles(scene.folder, {
        "000003_again.up.sql": "SELECT 1;",
        "000005_later.up.sql": "-- migrate: no-transction\nSELECT 1;",
      });
      const twice = await migrate(scene, ["check", "--offline"], nowhere);
      expect(twice).toMatchObject({ code: 7, output: expect.stringMatching(/Version 000003 is used twice/) });
    });
  });

  it("reads the way down, too", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        ...three,
        "000002_two.down.sql": "-- migrate: no-transction\nDROP TABLE two;",
      });
      const { code, output } = await migrate(scene, ["check", "--offline", "--json"], {
        DATABASE_URL: "",
        LOG_LEVEL: "silent",
      });
      expect({ code, document: JSON.parse(output) as unknown }).toEqual({
        code: 7,
        document: {
          ok: false,
          exitCode: 7,
          migrations: ["000001_one", "000002_two", "000003_three"],
          problems: [
            '000002_two.down.sql:1: unknown directive "no-transction" (did you mean no-transaction?); known: no-transaction, lock-timeout, statement-timeout, retries, repeat-until-zero, deferred, breaking, irreversible, secret, repeatable-statements, allow.',
          ],
          warnings: [],
        },
      });
    });
  });
});
