import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import pg from "pg";
import type { MigrationBuilder } from "node-pg-migrate";
import * as backfill from "../../../migrations/000003_backfill_is_latest.ts";
import { latestOf } from "../../registry/latest.ts";
import { projectRoot } from "../../version.ts";
import { itUnless } from "../support/it-unless.ts";
import { findRegistryData, readJsonLines, reasonWithout } from "../support/registry-data.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

const folder = join(projectRoot, "migrations");

let database: TestDatabase;
let pool: pg.Pool;
beforeEach(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url });
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

async function query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
  const { rows } = await pool.query<Record<string, unknown>>(text, values);
  return rows;
}

/** Runs one file by itself, as PostgreSQL gets it. */
async function run(version: number, direction: "up" | "down" = "up"): Promise<void> {
  const prefix = `${String(version).padStart(6, "0")}_`;
  const file = readdirSync(folder).find(
    (name) => name.startsWith(prefix) && name.endsWith(`.${direction}.sql`),
  );
  if (file !== undefined) await query(readFileSync(join(folder, file), "utf8"));
  else await (direction === "up" ? backfill.up : backfill.down)(builder(async () => undefined));
}

/** What the backfill needs of node-pg-migrate's builder; `beforeStatement` may make a statement fail. */
function builder(beforeStatement: (sql: string) => Promise<void>): MigrationBuilder {
  const select = async (sql: string, values: unknown[]): Promise<unknown[]> => {
    await beforeStatement(sql);
    return query(sql, values);
  };
  return { db: { select, query: select } } as unknown as MigrationBuilder;
}

interface Published {
  readonly name: string;
  readonly version: string;
  readonly publishedAt: string;
}

async function insert(rows: readonly Published[]): Promise<void> {
  await query(
    `WITH i AS (SELECT * FROM jsonb_to_recordset($1) AS i (name text, version text, "publishedAt" timestamptz)),
          s AS (INSERT INTO server (name) SELECT DISTINCT name FROM i)
     INSERT INTO server_version (server_name, version, value, published_at) SELECT name, version, '{}', "publishedAt" FROM i`,
    [JSON.stringify(rows)],
  );
}

async function latest(): Promise<string[]> {
  const rows = await query("SELECT server_name || '@' || version AS key FROM server_version WHERE is_latest");
  return rows.map(({ key }) => String(key)).toSorted();
}

const day = (number: number): string => `2025-01-${String(number).padStart(2, "0")}T00:00:00Z`;
const history: Published[] = [
  { name: "a.b/numbers", version: "1.9.0", publishedAt: day(2) },
  { name: "a.b/numbers", version: "1.10.0", publishedAt: day(1) },
  { name: "a.b/pre", version: "1.0.0-rc.10", publishedAt: day(1) },
  { name: "a.b/pre", version: "1.0.0-rc.9", publishedAt: day(2) },
  { name: "a.b/pre", version: "1.0.0-2", publishedAt: day(3) },
  { name: "a.b/release", version: "v1.0.0", publishedAt: day(1) },
  { name: "a.b/release", version: "1.0.0-rc.1", publishedAt: day(2) },
  { name: "a.b/dates", version: "2.10", publishedAt: day(2) },
  { name: "a.b/dates", version: "2.9", publishedAt: day(3) },
  { name: "a.b/mixed", version: "0.0.1", publishedAt: day(1) },
  { name: "a.b/mixed", version: "01.0.0", publishedAt: day(2) },
  { name: "a.b/build", version: "1.0.0+b", publishedAt: day(1) },
  { name: "a.b/build", version: "1.0.0+a", publishedAt: day(2) },
];
const historyLatest = [
  "a.b/build@1.0.0+a",
  "a.b/dates@2.9",
  "a.b/mixed@0.0.1",
  "a.b/numbers@1.10.0",
  "a.b/pre@1.0.0-rc.10",
  "a.b/release@v1.0.0",
];

describe("the first migrations of the registry", () => {
  it.each([
    ["server_name_form", "INSERT INTO server (name) VALUES ('a_b/c')"],
    ["server_name_form", "INSERT INTO server (name) VALUES (E'a/b\\n')"],
    ["server_name_length", `INSERT INTO server (name) VALUES ('a/${"b".repeat(199)}')`],
    [
      "server_version_version_form",
      "INSERT INTO server_version (server_name, version, value) VALUES ('a.b/c', 'latest', '{}')",
    ],
    [
      "server_version_version_form",
      "INSERT INTO server_version (server_name, version, value) VALUES ('a.b/c', '', '{}')",
    ],
    [
      "server_version_value_object",
      "INSERT INTO server_version (server_name, version, value) VALUES ('a.b/c', '1', '[]')",
    ],
    [
      "server_version_server_fkey",
      "INSERT INTO server_version (server_name, version, value) VALUES ('a.b/d', '1', '{}')",
    ],
    [
      "server_version_times_finite",
      "INSERT INTO server_version (server_name, version, value, updated_at) VALUES ('a.b/c', '1', '{}', 'infinity')",
    ],
  ])("keep %s: %s", async (constraint, sql) => {
    await run(1);
    await query("INSERT INTO server (name) VALUES ('a.b/c')");
    await expect(query(sql)).rejects.toMatchObject({ constraint });
  });

  it("mark the latest version of rows that are older than the mark", async () => {
    await run(1);
    await insert(history);
    await run(2);
    await expect(latest()).resolves.toEqual([]);
    await run(3);
    await expect(latest()).resolves.toEqual(historyLatest);
    await run(4);
    await expect(query("UPDATE server_version SET is_latest = true")).rejects.toMatchObject({
      constraint: "server_version_latest_key",
    });
    await run(4, "down");
    await run(3, "down");
    await expect(latest()).resolves.toEqual([]);
  });

  it("finish the marks when they were killed between any two statements, and touch nothing twice", async () => {
    await run(1);
    await insert(history);
    await insert(
      Array.from({ length: 1_200 }, (_, index) => ({
        name: `z.z/n${index}`,
        version: "1",
        publishedAt: day(1),
      })),
    );
    await run(2);
    let statements = 0;
    await backfill.up(builder(async () => void statements++));
    expect(statements).toBe(10); // three batches of three, and the empty one
    const whole = await latest();
    expect(whole.slice(0, 6)).toEqual(historyLatest);
    for (let killed = 1; killed < statements; killed++) {
      await query("UPDATE server_version SET is_latest = false");
      let count = 0;
      const dying = builder(async () => {
        if (++count > killed) throw new Error("killed");
      });
      await expect(backfill.up(dying)).rejects.toThrow("killed");
      await run(3);
      expect([killed, await latest()]).toEqual([killed, whole]);
    }
    const versionsOfRows = (): Promise<unknown> =>
      query("SELECT xmin, ctid FROM server_version ORDER BY ctid");
    const before = await versionsOfRows();
    await run(3);
    await expect(versionsOfRows()).resolves.toEqual(before);
  });

  const cases = findRegistryData("latest-cases.jsonl");
  itUnless(reasonWithout(cases))("mark what the real registry decided", async () => {
    const servers = readJsonLines<{ name: string; versions: [Published & { isLatest: boolean }] }>(
      cases ?? "",
    );
    await run(1);
    await insert(servers.flatMap(({ name, versions }) => versions.map((version) => ({ ...version, name }))));
    await run(2);
    await run(3);
    const decided = servers.map(
      ({ name, versions }) => `${name}@${versions.find(({ isLatest }) => isLatest)?.version}`,
    );
    await expect(latest()).resolves.toEqual(decided.toSorted());
  });

  it("follow the same rule as the service", async () => {
    await run(1);
    const parts = [
      "1.0.0",
      "v1.0.0",
      "1.0.1",
      "1.0.0-rc.1",
      "1.0.0-rc.1.1",
      "1.0.0-rc.2",
      "1.0.0-10",
      "1.0.0-9a",
      "1.0.0--",
      "1.0.0-01",
    ];
    const odd = [
      "1.0",
      "1.0.0.0",
      " 1.0.0",
      "=1.0.0",
      "V1.0.0",
      "1.0.99999999999999999999",
      "1.0.0+x.y",
      "1.0.0+",
      "2025.01.01",
      "2025.1.1",
      "x",
    ];
    const versions = [...parts, ...odd];
    const pairs = versions.flatMap((a, i) => versions.slice(i + 1).map((b) => [a, b] as const));
    const rows = pairs.flatMap(([a, b], index) => [
      { name: `p.q/n${index}`, version: a, publishedAt: day(1) },
      { name: `p.q/n${index}`, version: b, publishedAt: day(1 + (index % 3)) },
    ]);
    await insert(rows);
    await run(2);
    await run(3);
    const expected = pairs.map((_, index) => {
      const [a, b] = rows.slice(2 * index, 2 * index + 2) as [Published, Published];
      return `p.q/n${index}@${latestOf([a, b]).version}`;
    });
    await expect(latest()).resolves.toEqual(expected.toSorted());
  });
});
