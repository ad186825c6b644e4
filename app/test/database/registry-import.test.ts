import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createPool } from "../../database/pool.ts";
import { importServers } from "../../registry/import-servers.ts";
import { readLines } from "../../registry/read-lines.ts";
import { itUnless } from "../support/it-unless.ts";
import { findRegistryData, reasonWithout } from "../support/registry-data.ts";
import { entryOf, importInto, storedRows } from "../support/registry-fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase({ template: "migrated" });
});
afterEach(() => database.drop());

const nothing = {
  added: 0,
  updated: 0,
  unchanged: 0,
  skipped: 0,
  latestMoved: 0,
  stored: true,
  problems: [],
};

describe("registry import", () => {
  it("stores entries with their dates and marks the latest version of every server", async () => {
    const lines = [
      entryOf("a.b/c", "1.9.0", { day: 3 }),
      entryOf("a.b/c", "1.10.0", { day: 2, status: "deprecated" }),
      entryOf("a.b/d", "2", { day: 1 }),
    ];
    await expect(importInto(database, lines)).resolves.toEqual({ ...nothing, lines: 3, added: 3 });
    await expect(storedRows(database)).resolves.toEqual([
      {
        key: "a.b/c@1.10.0",
        latest: true,
        status: "deprecated",
        published: "2025-01-02 12:00:00+00",
        updated: "2025-01-02 12:00:00+00",
      },
      {
        key: "a.b/c@1.9.0",
        latest: false,
        status: "active",
        published: "2025-01-03 12:00:00+00",
        updated: "2025-01-03 12:00:00+00",
      },
      {
        key: "a.b/d@2",
        latest: true,
        status: "active",
        published: "2025-01-01 12:00:00+00",
        updated: "2025-01-01 12:00:00+00",
      },
    ]);
  });

  it("changes nothing when the same lines come again, also those without dates", async () => {
    const lines = [
      entryOf("a.b/c", "1.0.0"),
      { name: "a.b/c", version: "1.1.0" },
      { name: "a.b/bare", version: "1" },
    ];
    await importInto(database, lines);
    const before = await storedRows(database);
    await expect(importInto(database, lines)).resolves.toEqual({ ...nothing, lines: 3, unchanged: 3 });
    await expect(storedRows(database)).resolves.toEqual(before);
  });

  it("publishes an entry without dates now", async () => {
    await importInto(database, [{ name: "a.b/c", version: "1" }]);
    const [row] = await database.query(
      "SELECT published_at = updated_at AND now() - published_at BETWEEN '0' AND '1 min' AS now FROM server_version",
    );
    expect(row).toEqual({ now: true });
  });

  it("gives both versions a new updatedAt when the latest moves, and no other one", async () => {
    await importInto(database, [
      entryOf("a.b/c", "1.0.0", { day: 1 }),
      entryOf("a.b/c", "1.1.0", { day: 2 }),
    ]);
    const lines = [entryOf("a.b/c", "1.2.0", { day: 3 }), entryOf("a.b/c", "0.9.0", { day: 4 })];
    await expect(importInto(database, lines)).resolves.toEqual({
      ...nothing,
      lines: 2,
      added: 2,
      latestMoved: 1,
    });
    const rows = await database.query(
      `SELECT version, is_latest, updated_at > now() - interval '1 min' AS touched, updated_at = max(updated_at) OVER () AS newest
         FROM server_version ORDER BY version`,
    );
    expect(rows).toEqual([
      { version: "0.9.0", is_latest: false, touched: false, newest: false },
      { version: "1.0.0", is_latest: false, touched: false, newest: false },
      { version: "1.1.0", is_latest: false, touched: true, newest: false },
      { version: "1.2.0", is_latest: true, touched: true, newest: true },
    ]);
  });

  it("does not depend on the order of the lines", async () => {
    const versions = ["1.0.0", "2.0.0", "2.0.0-rc.1", "10.0", "1.5.0"];
    const lines = versions.map((version, index) => entryOf("a.b/c", version, { day: index + 1 }));
    await importInto(database, lines);
    const forwards = await storedRows(database);
    const other = await createTestDatabase({ template: "migrated" });
    await importInto(other, lines.toReversed());
    const backwards = await storedRows(other);
    await other.drop();
    expect(backwards).toEqual(forwards);
    expect(forwards.filter(({ latest }) => latest).map(({ key }) => key)).toEqual(["a.b/c@2.0.0"]);
  });

  it("passes over lines that cannot be used, and says which and why", async () => {
    const lines = ["{", entryOf("a.b/c", "1"), '{"name":"a.b/c"}', "", '{"version":"1"}', "[]"];
    const result = await importInto(database, lines);
    expect(result).toMatchObject({ lines: 5, added: 1, skipped: 4 });
    expect(result.problems).toEqual([
      { line: 1, reason: expect.stringMatching(/^not valid JSON: /) },
      { line: 3, reason: 'no version (of "a.b/c")' },
      { line: 5, reason: "no name" },
      { line: 6, reason: "not a JSON object" },
    ]);
  });

  it("never changes the document of a version", async () => {
    const first = '{"name":"a.b/c","version":"1","description":"first"}';
    await importInto(database, [first]);
    const before = await storedRows(database);
    const result = await importInto(database, ['{"name":"a.b/c","version":"1","description":"second"}']);
    expect(result).toEqual({
      ...nothing,
      lines: 1,
      skipped: 1,
      problems: [{ line: 1, reason: "a.b/c 1 is stored with other content; a version never changes" }],
    });
    await expect(storedRows(database)).resolves.toEqual(before);
    await expect(database.query("SELECT value::text AS value FROM server_version")).resolves.toEqual([
      { value: first },
    ]);
  });

  it("takes the same document in another spelling for the same", async () => {
    await importInto(database, ['{"name":"a.b/c","version":"1","x":[1, 2]}']);
    await expect(
      importInto(database, ['{"version":"1", "x":[1,2.0], "name":"\\u0061.b/c"}']),
    ).resolves.toMatchObject({
      unchanged: 1,
      skipped: 0,
    });
  });

  it("meets a version that is twice in the file as if it came again", async () => {
    const lines = [
      entryOf("a.b/c", "1"),
      entryOf("a.b/c", "1"),
      entryOf("a.b/c", "1", { status: "deprecated" }),
    ];
    await expect(importInto(database, lines)).resolves.toEqual({
      ...nothing,
      lines: 3,
      added: 1,
      unchanged: 1,
      updated: 1,
    });
  });

  it("follows a changed status or date with a new updatedAt", async () => {
    await importInto(database, [entryOf("a.b/c", "1"), entryOf("a.b/d", "1")]);
    const lines = [entryOf("a.b/c", "1", { status: "deprecated" }), entryOf("a.b/d", "1", { day: 7 })];
    await expect(importInto(database, lines)).resolves.toEqual({ ...nothing, lines: 2, updated: 2 });
    const rows = await database.query(
      `SELECT status, published_at::text AS published, updated_at > now() - interval '1 min' AS touched
         FROM server_version ORDER BY server_name`,
    );
    expect(rows).toEqual([
      { status: "deprecated", published: "2025-01-01 12:00:00+00", touched: true },
      { status: "active", published: "2025-01-07 12:00:00+00", touched: true },
    ]);
  });

  it("stores what PostgreSQL's jsonb and text could not hold", async () => {
    const document =
      '{"name":"a.b/c","version":"1","title":"nul \\u0000","x":"\\ud800","n":1e400,"dup":1,"dup":2}';
    await expect(importInto(database, [document])).resolves.toMatchObject({ added: 1 });
    const rows = await database.query("SELECT value::text AS value, title FROM server_version");
    expect(rows).toEqual([{ value: document, title: "nul " }]);
  });

  it("stores nothing at all when it fails in the middle", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      for (let count = 0; count < 600; count++)
        yield Buffer.from(`${JSON.stringify(entryOf(`a.b/n${count}`, "1"))}\n`);
      throw new Error("the pipe broke");
    }
    const pool = createPool(database.config, () => undefined);
    const client = await pool.connect();
    let batches = 0;
    const attempt = importServers({
      database: client,
      lines: readLines(broken()),
      onProgress: () => batches++,
    });
    await expect(attempt).rejects.toThrow("the pipe broke");
    client.release();
    await pool.end();
    expect(batches).toBe(1);
    await expect(storedRows(database)).resolves.toEqual([]);
    await expect(database.query("SELECT FROM server")).resolves.toEqual([]);
  });

  it("lets one import at a time in, so that two of them never deadlock", async () => {
    const entries = Array.from({ length: 1_200 }, (_, index) => entryOf(`a.b/n${index}`, "1"));
    const both = [importInto(database, entries), importInto(database, entries.toReversed())];
    const results = await Promise.all(both);
    const [first, second] = results.toSorted((a, b) => b.added - a.added);
    expect(first).toMatchObject({ added: 1_200, unchanged: 0 });
    expect(second).toMatchObject({ added: 0, unchanged: 1_200 });
  });

  it("says that it waits for another import", async () => {
    const line = Buffer.from(JSON.stringify(entryOf("a.b/c", "1")));
    const { promise: signal, resolve: goOn } = withResolvers();
    const { promise: begun, resolve: begin } = withResolvers();
    async function* lineOnSignal(): AsyncGenerator<Uint8Array> {
      begin();
      await signal;
      yield line;
    }
    async function* lineAtOnce(): AsyncGenerator<Uint8Array> {
      yield line;
    }
    const pool = createPool(database.config, () => undefined);
    const [holder, waiter] = [await pool.connect(), await pool.connect()];
    const first = importServers({ database: holder, lines: readLines(lineOnSignal()) });
    await begun; // it has the lock when it reads
    const second = importServers({ database: waiter, lines: readLines(lineAtOnce()), onWait: goOn });
    await expect(first).resolves.toMatchObject({ added: 1 });
    await expect(second).resolves.toMatchObject({ unchanged: 1 });
    holder.release();
    waiter.release();
    await pool.end();
  });

  const data = findRegistryData("servers.jsonl");
  itUnless(reasonWithout(data))("loads the real data, every document byte for byte", async () => {
    const lines = readFileSync(data ?? "", "utf8")
      .trimEnd()
      .split("\n");
    await expect(importInto(database, lines)).resolves.toEqual({ ...nothing, lines: 1930, added: 1930 });
    const stored = await database.query(
      "SELECT value::text AS value, is_latest FROM server_version ORDER BY server_name, version",
    );
    const texts = new Set(stored.map(({ value }) => value));
    const lost = lines.filter(
      (line) => !texts.has(JSON.stringify((JSON.parse(line) as { server: object }).server)),
    );
    expect([texts.size, lost]).toEqual([1930, []]);
    expect(stored.filter((row) => row["is_latest"] === true)).toHaveLength(993);

    const before = await storedRows(database);
    await expect(importInto(database, lines)).resolves.toEqual({
      ...nothing,
      lines: 1930,
      unchanged: 1930,
    });
    await expect(storedRows(database)).resolves.toEqual(before);
  });
});

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((resolvePromise) => (resolve = resolvePromise));
  return { promise, resolve };
}
