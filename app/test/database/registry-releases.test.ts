import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { createTestApi } from "../support/api.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { migrateDown, migrateUpTo } from "../support/registry-history.ts";
import * as old from "../support/release-with-deprecated.ts";
import { startProgram } from "../support/run-program.ts";
import {
  createTestDatabase,
  maintain,
  withTestSession,
  type TestDatabase,
} from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const [one, two, three] = [
  { name: "a.b/c", version: "1" },
  { name: "a.b/c", version: "2" },
  { name: "a.b/c", version: "3" },
];

interface Key {
  readonly name: string;
  readonly version: string;
}

/** What this release answers: `name@version status`. */
async function list(query: string): Promise<string[]> {
  const api = createTestApi(database);
  const { status, body } = await request(api.app).get(`/v0.1/servers${query}`);
  await api.close();
  expect([query, status]).toEqual([query, 200]);
  const { servers } = body as {
    servers: { server: Record<string, string>; _meta: Record<string, Record<string, string>> }[];
  };
  return servers.map(
    ({ server, _meta }) =>
      `${server["name"]}@${server["version"]} ${_meta["io.modelcontextprotocol.registry/official"]?.["status"]}`,
  );
}

/** What is stored of one server: `version status message`. */
async function statuses(name = one.name): Promise<string[]> {
  const rows = await database.query(
    `SELECT concat_ws(' ', version, coalesce(status::text, 'unknown'), status_message) AS text
       FROM server_version WHERE server_name = $1 ORDER BY version`,
    [name],
  );
  return rows.map(({ text }) => String(text));
}

describe("the release that knows `deprecated` only", () => {
  it("reads and writes on every schema from its own to the one before the contract", async () => {
    for (const schema of [4, 5, 6, 7, 8, 9]) {
      const name = `a.b/on${schema}`;
      const [first, second, third] = [one, two, three].map((version) => ({ ...version, name })) as [
        Key,
        Key,
        Key,
      ];
      await migrateUpTo(database, schema - 1);
      await old.insertVersions(database, [first, { ...second, deprecated: true }]);
      await migrateUpTo(database, schema);
      await old.insertVersions(database, [{ ...third, deprecated: true }]);
      await old.updateVersion(database, { ...first, deprecated: true });
      await old.updateVersion(database, { ...second, deprecated: false });
      // A change of something else, on a row that may have no status yet.
      await old.markVersion(database, third, true);
      await expect(old.readPage(database, `TITLE OF A.B/ON${schema}`)).resolves.toEqual([
        `${name}@1 deprecated`,
        `${name}@2`,
        `${name}@3 deprecated`,
      ]);
      if (schema === 4) continue;
      await expect(statuses(name)).resolves.toEqual(["1 deprecated", "2 active", "3 deprecated"]);
    }
  });

  it("may touch a row before the backfill has come to it, whatever it changes", async () => {
    await migrateUpTo(database, 4);
    await old.insertVersions(database, [{ ...one, deprecated: true }, two]);
    await migrateUpTo(database, 5);
    await expect(statuses()).resolves.toEqual(["1 unknown", "2 unknown"]);
    await old.markVersion(database, one, true);
    await expect(statuses()).resolves.toEqual(["1 deprecated", "2 unknown"]);
  });

  it("must not run on the schema without the column", async () => {
    await migrateUpTo(database, 10);
    await expect(old.insertVersions(database, [one])).rejects.toMatchObject({ code: "42703" });
  });
});

describe("this release", () => {
  it("reads and writes on every schema from the required status on", async () => {
    for (const schema of [7, 8, 9, 10]) {
      const name = `a.b/on${schema}`;
      await migrateUpTo(database, schema);
      await importInto(database, [entryOf(name, "1"), entryOf(name, "2", { status: "deprecated" })]);
      const change = entryOf(name, "1", { status: "deleted", statusMessage: "why" });
      await expect(importInto(database, [change])).resolves.toMatchObject({ updated: 1 });
      const search = `search=A.B/ON${schema}`;
      await expect(list(`?${search}&include_deleted=true`)).resolves.toEqual([
        `${name}@1 deleted`,
        `${name}@2 deprecated`,
      ]);
      await expect(list(`?${search}&version=latest`)).resolves.toEqual([`${name}@2 deprecated`]);
      await expect(list(`?${search}&updated_since=2025-02-01T00:00:00Z`)).resolves.toEqual([
        `${name}@1 deleted`,
      ]);
    }
  });

  it("and the one before it see what the other has written", async () => {
    await migrateUpTo(database, 9);
    const status = (version: string, text: string, statusMessage?: string): object =>
      entryOf("a.b/c", version, { status: text, ...(statusMessage === undefined ? {} : { statusMessage }) });
    await importInto(database, [
      status("1", "active"),
      status("2", "deprecated", "why"),
      status("3", "deleted"),
    ]);
    await expect(old.readPage(database, "a.b")).resolves.toEqual([
      "a.b/c@1",
      "a.b/c@2 deprecated",
      "a.b/c@3 deprecated", // the nearest thing it knows
    ]);
    // It says again what it believes: nothing is lost by that.
    await old.updateVersion(database, { ...two, deprecated: true });
    await old.updateVersion(database, { ...three, deprecated: true });
    await expect(statuses()).resolves.toEqual(["1 active", "2 deprecated why", "3 deleted"]);
    await old.updateVersion(database, { ...two, deprecated: false });
    await old.updateVersion(database, { ...one, deprecated: true });
    await expect(statuses()).resolves.toEqual(["1 deprecated", "2 active", "3 deleted"]);
    const [row] = await database.query(
      "SELECT status_changed_at = updated_at AS dated FROM server_version WHERE version = '1'",
    );
    expect(row).toEqual({ dated: true });
  });

  it("loses nothing when the contract is taken back, and finds it again", async () => {
    await migrateUpTo(database, 10);
    await importInto(database, [
      entryOf("a.b/c", "1"),
      entryOf("a.b/c", "2", { status: "deprecated", statusMessage: "why" }),
      entryOf("a.b/c", "3", { status: "deleted" }),
    ]);
    const before = await statuses();
    await migrateDown(database);
    await expect(old.readPage(database, "a.b")).resolves.toEqual([
      "a.b/c@1",
      "a.b/c@2 deprecated",
      "a.b/c@3 deprecated",
    ]);
    await migrateUpTo(database, 10);
    await expect(statuses()).resolves.toEqual(before);
  });
});

describe("the backfill of the status", () => {
  it("makes nobody wait for a row that somebody else holds, and does not forget that row", async () => {
    await migrateUpTo(database, 4);
    const versions = Array.from({ length: 1_500 }, (_, index) => ({ name: "a.b/c", version: `${index}` }));
    await old.insertVersions(database, versions);
    await migrateUpTo(database, 5);
    await withTestSession(database.address, async ({ client }) => {
      // Not a write, so the trigger does not come and fill it in.
      await client.query("BEGIN; SELECT FROM server_version WHERE version = '7' FOR UPDATE");
      const runner = startProgram("migrate", {
        args: ["up", "--to", "6", "--yes"],
        env: { DATABASE_URL: database.url, MIGRATE_LOCK_TIMEOUT: "10min" },
      });
      await waitForCondition("every other row to be filled", async () => {
        const [row] = await database.query(
          "SELECT count(*)::int AS n FROM server_version WHERE status IS NULL",
        );
        return row?.["n"] === 1;
      });
      await waitForCondition("the backfill to wait for the last one", async () => {
        const waiting = await database.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        return waiting.length === 1;
      });
      const others = await database.query(
        "SELECT count(*)::int AS free FROM (SELECT FROM server_version FOR UPDATE SKIP LOCKED) AS f",
      );
      expect(others).toEqual([{ free: 1_499 }]);
      await client.query("ROLLBACK");
      await expect(runner.ended).resolves.toMatchObject({ code: 0 });
    });
    await expect(
      database.query("SELECT status, count(*)::int AS n FROM server_version GROUP BY 1"),
    ).resolves.toEqual([{ status: "active", n: 1_500 }]);
  });
});

describe("the index for the search", () => {
  const role = `migrator_${process.pid}`;

  it("needs no privilege to create extensions where somebody has created it", async () => {
    const url = new URL(database.url);
    await maintain(async (query) => {
      await query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
      await query(`REVOKE ALL ON DATABASE ${database.name} FROM PUBLIC`);
      await query(`GRANT CONNECT ON DATABASE ${database.name} TO ${role}`);
    });
    [url.username, url.password] = [role, "secret"];
    try {
      await database.query(`GRANT ALL ON SCHEMA public TO ${role}`);
      const asRole = { ...database, url: url.href };
      await expect(migrateUpTo(asRole, 10)).rejects.toThrow(
        /permission denied to create extension[^]*CREATE privilege on current database/,
      );
      await database.query("CREATE EXTENSION pg_trgm");
      await migrateUpTo(asRole, 10);
      // Not ours to drop: the way down leaves it.
      await migrateDown(asRole, 3);
      await expect(
        database.query("SELECT extname FROM pg_extension WHERE extname = 'pg_trgm'"),
      ).resolves.toEqual([{ extname: "pg_trgm" }]);
    } finally {
      await database.query(`DROP OWNED BY ${role}`);
      await maintain(async (query) => {
        await query(`REVOKE ALL ON DATABASE ${database.name} FROM ${role}`);
        await query(`DROP ROLE ${role}`);
      });
    }
  });
});
