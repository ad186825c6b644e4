import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../../../scripts/embedded-postgres/running-postmaster.ts";
import { projectRoot } from "../../version.ts";
import { runProgram, startProgram } from "../support/run-program.ts";
import { createTestDatabase, maintain, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

describe("a test database", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it("is a real PostgreSQL with the order of text that production has", async () => {
    const [row] = await database.query(
      "SELECT current_database() AS name, current_setting('server_version_num')::int AS version, pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = current_database()",
    );
    expect(row).toEqual({ name: database.name, version: expect.any(Number), encoding: "UTF8" });
    expect(row?.["version"]).toBeGreaterThanOrEqual(180_000);
  });

  it("comes with a configuration that points to it", async () => {
    expect(database.config).toMatchObject({ database: database.address, environment: "test", port: 0 });
    expect(database.address).toMatchObject({ host: "127.0.0.1", database: database.name });
  });

  it("takes several statements, and parameters", async () => {
    await database.query("CREATE TABLE numbers (n int); INSERT INTO numbers VALUES (1), (2), (3)");
    await expect(database.query("SELECT n FROM numbers WHERE n > $1 ORDER BY n", [1])).resolves.toEqual([
      { n: 2 },
      { n: 3 },
    ]);
  });

  it("goes away although somebody is connected", async () => {
    const other = await createTestDatabase();
    const sleeping = other.query("SELECT pg_sleep(600)").catch((error: { code?: string }) => error.code);
    await waitForCondition("the sleeper", async () => {
      const rows = await database.query(
        "SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'",
        [other.name],
      );
      return rows.length === 1;
    });
    await other.drop();
    await expect(sleeping).resolves.toBe("57P01");
    let left: unknown;
    await maintain(
      async (query) => (left = await query("SELECT FROM pg_database WHERE datname = $1", [other.name])),
    );
    expect(left).toEqual([]);
  });
});

describe("a migrated test database", () => {
  it("is at head for all who ask at the same time, and each has its own", async () => {
    const all = await Promise.all([1, 2, 3].map(() => createTestDatabase({ template: "migrated" })));
    try {
      const [first] = all;
      await first?.query("DELETE FROM schema_migrations");
      const counts = await Promise.all(
        all.map((one) => one.query("SELECT count(*)::int AS n FROM schema_migrations")),
      );
      const migrations = readdirSync(join(projectRoot, "migrations")).filter(
        (name) => !name.endsWith(".down.sql"),
      );
      expect(counts.flat()).toEqual([{ n: 0 }, { n: migrations.length }, { n: migrations.length }]);
    } finally {
      await Promise.all(all.map((one) => one.drop()));
    }
  });
});

describe("a program in a test", () => {
  it("is started with nothing of this machine's environment, and its end is told", async () => {
    process.env["PGPASSWORD"] = "of this machine";
    const end = await runProgram("/usr/bin/env", { env: { GIVEN: "yes" } });
    delete process.env["PGPASSWORD"];
    expect(end).toMatchObject({ code: 0, signal: undefined, stderr: "" });
    expect(end.stdout).toContain("GIVEN=yes\n");
    expect(end.stdout).not.toContain("PGPASSWORD");
  });

  it("can be waited for by what it writes", async () => {
    const program = startProgram("/bin/sh", {
      args: ["-c", "echo one >&2; read line; echo got $line; exit 3"],
      input: "two\n",
    });
    await program.waitForOutput(/got two/);
    await expect(program.ended).resolves.toEqual({
      code: 3,
      signal: undefined,
      stdout: "got two\n",
      stderr: "one\n",
    });
  });

  it("fails a test that waits for words it never said", async () => {
    const program = startProgram("/bin/sh", { args: ["-c", "echo something else"] });
    await expect(program.waitForOutput("hello")).rejects.toThrow(
      "ended without writing hello:\nsomething else",
    );
  });

  it("tells the signal that ended it", async () => {
    const program = startProgram("/bin/sh", { args: ["-c", "echo up; exec sleep 600"] });
    await program.waitForOutput("up");
    program.kill("SIGTERM");
    await expect(program.ended).resolves.toMatchObject({ code: undefined, signal: "SIGTERM" });
  });

  let left = 0;
  it("is left running by one test", async () => {
    const program = startProgram("/bin/sh", { args: ["-c", "sleep 600 & echo $!; wait"] });
    await program.waitForOutput(/\d+\n/);
    left = Number(program.stdout());
    expect(isAlive(left)).toBe(true);
  });

  it("and is gone in the next, with what it had started", async () => {
    await expect(waitForCondition("its end", () => !isAlive(left))).resolves.toBe(true);
  });
});
