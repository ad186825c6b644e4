import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ListFilters } from "../../registry/list-filters.ts";
import { selectPage } from "../../registry/server-repository.ts";
import type { Statement } from "../../registry/statement.ts";
import { migrateUpTo } from "../support/registry-history.ts";
import { createTestDatabase, withTestSession, type TestDatabase } from "../support/test-database.ts";
import { report } from "./support/report.ts";
import { takeTurns } from "./support/take-turns.ts";

// What is measured is how long others wait, so nothing else shall keep the machine busy.
takeTurns("alone");

const rows = 100_000;
const longestAllowed = 3_000;

let database: TestDatabase;
/** The longest wait of a writer in milliseconds, by migration. */
const waits = new Map<number, number>();

beforeAll(async () => {
  database = await createTestDatabase();
  await migrateUpTo(database, 3);
  // Words, and letters that no two rows share: a search finds many rows, a few or one.
  await database.query(`
    INSERT INTO server SELECT 'io.github.u' || n / 100 || '/n' || n FROM generate_series(1, ${rows / 4}) AS n;
    INSERT INTO server_version (server_name, version, value, title, description, deprecated, is_latest, published_at, updated_at)
    SELECT s.name, v || '.0.0', json_build_object('name', s.name, 'version', v || '.0.0', 'text', repeat('x', 500)),
           'Server ' || md5(s.name), 'Finds ' || (ARRAY['weather', 'files', 'posts', 'maps', 'numbers'])[1 + hashtext(s.name || v) & 3] || ' ' || md5(s.name || v),
           hashtext(s.name || v) % 50 = 0, v = 4, timestamptz '2025-01-01' + v * interval '1 day', timestamptz '2025-01-01' + v * interval '1 day' + random() * interval '100 days'
      FROM server AS s, generate_series(1, 4) AS v;
    ANALYZE`);
}, 240_000);
afterAll(() => database.drop());

interface Writes {
  readonly count: number;
  /** Milliseconds. */
  readonly longest: number;
}

const changeDeprecated = `UPDATE server_version SET deprecated = NOT deprecated, updated_at = clock_timestamp() WHERE server_name = $1 AND version = '2.0.0'`;
const changeStatus = `UPDATE server_version SET status = (CASE status WHEN 'active' THEN 'deleted' ELSE 'active' END)::server_status,
  status_changed_at = clock_timestamp(), updated_at = clock_timestamp() WHERE server_name = $1 AND version = '3.0.0'`;
const add = `INSERT INTO server_version (server_name, version, value) VALUES ($1, $2, '{}')`;

/** Changes one version and adds another, again and again, as long as `work` goes on. */
async function whileWriting(statement: string, writer: string, work: Promise<unknown>): Promise<Writes> {
  const over = new AbortController();
  const end = (): void => over.abort();
  work.then(end, end);
  return await withTestSession(database.address, async ({ client }) => {
    let [count, longest] = [0, 0];
    while (!over.signal.aborted) {
      const n = 1 + ((count * 7_919) % (rows / 4));
      const name = `io.github.u${Math.floor(n / 100)}/n${n}`;
      const started = performance.now();
      await client.query(statement, [name]);
      await client.query(add, [name, `${writer}.${count}`]);
      longest = Math.max(longest, performance.now() - started);
      count++;
      await sleep(5); // some 150 writes a second, so that the machine has time for the migration, too
    }
    return { count, longest };
  });
}

/** How many versions were added between the beginning and the end of that migration. */
async function countAdded(version: number): Promise<number> {
  const [found] = await database.query(
    `SELECT count(*)::int AS n FROM server_version AS v, schema_migration_runs AS r
      WHERE v.version LIKE '9%' AND r.version = $1 AND v.published_at BETWEEN r.started_at AND r.finished_at`,
    [version],
  );
  return Number(found?.["n"]);
}

/** Versions whose two columns do not say the same. */
async function readDifferences(): Promise<unknown[]> {
  return await database.query(
    "SELECT server_name, version FROM server_version WHERE deprecated <> (status <> 'active') OR (status IS NULL) <> (status_changed_at IS NULL)",
  );
}

describe(`writers of ${rows.toLocaleString("en")} versions`, () => {
  it.each([
    [4, [changeDeprecated]],
    [5, [changeDeprecated]],
    [6, [changeDeprecated, changeStatus]],
    [7, [changeDeprecated, changeStatus]],
    [8, [changeDeprecated, changeStatus]],
    [9, [changeDeprecated, changeStatus]],
    [10, [changeStatus]],
  ])("go on while migration %i is applied", async (version, statements) => {
    const started = performance.now();
    const migration = migrateUpTo(database, version);
    const writing = statements.map((statement, index) =>
      whileWriting(statement, `9${version}${index}`, migration),
    );
    await migration;
    const took = performance.now() - started;
    const writes = await Promise.all(writing);
    const longest = Math.max(...writes.map((one) => one.longest));
    waits.set(version, longest);
    report(
      `longest wait of a writer during migration ${version}, which took ${Math.round(took)} ms`,
      longest,
    );
    expect([version, longest]).toEqual([version, expect.any(Number)]);
    expect(longest).toBeLessThan(longestAllowed);
    for (const { count } of writes) expect(count).toBeGreaterThan(10);
    // Those are writes while the program ran; these are ones while the migration itself did, where it takes a while.
    const takesAWhile = version !== 5 && version !== 10;
    expect(takesAWhile ? await countAdded(version) : 1).toBeGreaterThan(0);
    expect(version >= 5 && version < 10 ? await readDifferences() : []).toEqual([]);
  });

  it("would have waited for an index that is not built concurrently", async () => {
    const build = withTestSession(database.address, async ({ client }) => {
      const started = performance.now();
      await client.query(
        "CREATE INDEX plain ON server_version USING gin (title gin_trgm_ops, description gin_trgm_ops)",
      );
      return performance.now() - started;
    });
    const { longest } = await whileWriting(changeStatus, "8", build);
    const took = await build;
    report(
      `longest wait of a writer during a plain CREATE INDEX, which took ${Math.round(took)} ms`,
      longest,
    );
    // The probe notices: a writer stood still for nearly all of it, and for longer than in any of the migrations.
    expect(longest).toBeGreaterThan(took / 2);
    expect(longest).toBeGreaterThan(2 * Math.max(...waits.values()));
  });

  it("have left no version without a status", async () => {
    const [lost] = await database.query(
      "SELECT count(*)::int AS n FROM server_version WHERE status IS NULL OR status_changed_at IS NULL",
    );
    expect(lost).toEqual({ n: 0 });
  });
});

/** How PostgreSQL would do what the list asks for. */
async function planOf(filters: Partial<ListFilters>): Promise<string> {
  let asked: Statement | undefined;
  const listening = {
    query: async (statement: Statement) => {
      asked = statement;
      return { rows: [] };
    },
  };
  const none = { search: undefined, updatedSince: undefined, version: undefined, includeDeleted: false };
  await selectPage(listening, { ...none, ...filters }, undefined, 31);
  return await withTestSession(database.address, async ({ client }) => {
    await client.query("ANALYZE server_version");
    const { rows: lines } = await client.query<{ "QUERY PLAN": string }>(
      `EXPLAIN ${asked?.text}`,
      asked?.values,
    );
    return lines.map((line) => line["QUERY PLAN"]).join("\n");
  });
}

describe(`a list of ${rows.toLocaleString("en")} versions`, () => {
  it.each([
    ["a rare word", { search: "0a1b2c" }, "server_version_search"],
    ["a rare word in the latest versions", { search: "0a1b2c", version: "latest" }, "server_version_search"],
    ["a common word, by the order of the list", { search: "weather" }, "server_version_pkey"],
    [
      "what has just changed",
      { updatedSince: "2099-01-01T00:00:00.000000Z", includeDeleted: true },
      "server_version_updated",
    ],
    ["everything, by the order of the list", {}, "server_version_pkey"],
  ])("finds %s by an index", async (_, filters, index) => {
    const plan = await planOf(filters);
    expect(plan).toContain(index);
    expect(plan).not.toContain("Seq Scan");
  });
});
