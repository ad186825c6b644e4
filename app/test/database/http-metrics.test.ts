import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { createTestApi, type TestApi } from "../support/api.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let api: TestApi;

beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
  api = createTestApi(database);
  await importInto(database, [entryOf("com.acme/weather", "1.0.0")]);
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

const scrape = async ({ operations }: TestApi = api): Promise<string> => {
  const { status, text, headers } = await request(operations).get("/metrics");
  expect([status, headers["content-type"], headers["cache-control"]]).toEqual([
    200,
    expect.stringMatching(/^text\/plain; (?:charset=utf-8; )?version=0\.0\.4/),
    "no-store",
  ]);
  return text;
};

/** The samples of a metric, without its name. */
const samples = (text: string, name: string): string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => line.slice(name.length).trim());

describe("/metrics", () => {
  it("counts requests by route, method and status, and by nothing that a client can invent", async () => {
    const get = async (path: string): Promise<unknown> => request(api.app).get(path);
    for (const base of ["/v0.1", "/api/v0"]) await get(`${base}/servers?search=x`);
    await get("/v0.1/servers/com.acme/weather/versions/latest");
    await get("/v0.1/servers/com.acme%2Fweather/versions/9.9.9");
    for (let count = 0; count < 50; count++) await get(`/nothing/${count}`);
    await request(api.app).head("/v0.1/servers");
    await request(api.app).post("/v0.1/servers/a/b/versions");
    await request(api.app).propfind("/v0.1/servers");
    expect(samples(await scrape(), "headgate_http_request_duration_seconds_count").toSorted()).toEqual([
      '{route="/servers",method="GET",status="200"} 2',
      '{route="/servers",method="HEAD",status="200"} 1',
      '{route="/servers",method="other",status="405"} 1',
      '{route="/servers/{name}/versions",method="POST",status="405"} 1',
      '{route="/servers/{name}/versions/{version}",method="GET",status="200"} 1',
      '{route="/servers/{name}/versions/{version}",method="GET",status="404"} 1',
      '{route="other",method="GET",status="404"} 50',
    ]);
  });

  it("shows the pool, the schema and how long migrations ran", async () => {
    const text = await scrape();
    expect(samples(text, "headgate_database_pool_connections")).toEqual([
      expect.stringMatching(/^\{state="total"\} [1-9]/),
      expect.stringMatching(/^\{state="idle"\} \d/),
      '{state="waiting"} 0',
    ]);
    expect(samples(text, "headgate_ready")).toEqual(["1"]);
    expect(samples(text, "headgate_schema_version").toSorted()).toEqual([
      expect.stringMatching(/^\{which="applied"\} \d+$/),
      expect.stringMatching(/^\{which="expected"\} \d+$/),
    ]);
    const times = samples(text, "headgate_migration_duration_seconds");
    expect(times[0]).toMatch(/^\{migration="000001_create_server_tables"\} [\d.]+$/);
    expect(times.length).toBeGreaterThanOrEqual(4);
    expect(samples(text, "headgate_build_info")).toEqual([expect.stringMatching(/revision="unknown"\} 1$/)]);
  });

  it("answers without a ledger, and without what only that knows", async () => {
    const empty = await createTestDatabase();
    const other = createTestApi(empty);
    const text = await scrape(other);
    await other.close();
    await empty.drop();
    expect(samples(text, "headgate_ready")).toEqual(["0"]);
    expect(samples(text, "headgate_schema_version")).toEqual([expect.stringContaining("expected")]);
    expect(samples(text, "headgate_migration_duration_seconds")).toEqual([]);
  });

  it("answers without a database", async () => {
    const gone = await createTestDatabase();
    const other = createTestApi(gone);
    await gone.drop();
    const text = await scrape(other);
    await other.close();
    expect(samples(text, "headgate_ready")).toEqual(["0"]);
    expect(samples(text, "headgate_database_pool_connections")).toHaveLength(3);
  });

  it("is not on the API's port", async () =>
    expect((await request(api.app).get("/metrics")).status).toBe(404));
});
