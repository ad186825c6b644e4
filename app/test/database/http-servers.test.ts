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
  await importInto(database, [
    entryOf("com.acme/Weather", "1.0.0", { day: 1, title: "Météo", description: "Rain 100% sure" }),
    entryOf("com.acme/Weather", "1.1.0", { day: 2, description: "Now with_snow" }),
    entryOf("com.acme/alpha", "2.1", { day: 3 }),
    '{ "name": "com.acme/old", "version": "1.0.0+build/7", "weight": 1.0 }',
    entryOf("org.zeta/files", "0.1.0", { day: 5, status: "deprecated", description: "C:\\temp" }),
  ]);
});
afterAll(async () => {
  await api.close();
  await database.drop();
});

interface List {
  servers: { server: { name: string; version: string } }[];
  metadata: { count: number; nextCursor?: string };
}

async function list(query = "", base = "/v0.1"): Promise<List> {
  const { status, body } = await request(api.app).get(`${base}/servers${query}`);
  expect([query, status, status === 200 ? "" : body]).toEqual([query, 200, ""]);
  return body as List;
}

const keys = ({ servers }: List): string[] => servers.map(({ server }) => `${server.name}@${server.version}`);

/** In the order of bytes: capitals first. */
const everything = [
  "com.acme/Weather@1.0.0",
  "com.acme/Weather@1.1.0",
  "com.acme/alpha@2.1",
  "com.acme/old@1.0.0+build/7",
  "org.zeta/files@0.1.0",
];

describe("GET /servers", () => {
  it.each(["/v0.1", "/v0", "/api/v0", "/api/v0.1"])("answers at %s", async (base) => {
    const found = await list("", base);
    expect(keys(found)).toEqual(everything);
    expect(found.metadata).toEqual({ count: 5 });
  });

  it("answers a ServerResponse: the document and what the registry says about it", async () => {
    const { servers } = await list("?version=1.1.0");
    expect(servers).toEqual([
      {
        server: { name: "com.acme/Weather", version: "1.1.0", description: "Now with_snow" },
        _meta: {
          "io.modelcontextprotocol.registry/official": {
            status: "active",
            statusChangedAt: "2025-01-02T12:00:00Z",
            publishedAt: "2025-01-02T12:00:00Z",
            updatedAt: "2025-01-02T12:00:00Z",
            isLatest: true,
          },
        },
      },
    ]);
  });

  it("passes the document through byte for byte", async () => {
    const { text } = await request(api.app).get("/v0.1/servers?search=old");
    expect(text).toContain(
      '{"server":{ "name": "com.acme/old", "version": "1.0.0+build/7", "weight": 1.0 },"_meta":{',
    );
  });

  it("gives every row once, in order, whatever the size of a page", async () => {
    for (const limit of [1, 2, 3, 4, 5, 100]) {
      const found: string[] = [];
      let pages = 0;
      let cursor = "";
      do {
        const page = await list(`?limit=${limit}${cursor}`);
        expect(page.metadata.count).toBe(page.servers.length);
        found.push(...keys(page));
        cursor = page.metadata.nextCursor === undefined ? "" : `&cursor=${page.metadata.nextCursor}`;
        pages++;
      } while (cursor !== "");
      expect([found, pages]).toEqual([everything, Math.ceil(5 / limit)]);
    }
  });

  it.each([
    ["weather", ["com.acme/Weather@1.0.0", "com.acme/Weather@1.1.0"]],
    ["MÉTÉO", ["com.acme/Weather@1.0.0"]],
    [" SURE ", ["com.acme/Weather@1.0.0"]],
    ["100%", ["com.acme/Weather@1.0.0"]],
    ["_", ["com.acme/Weather@1.1.0"]],
    ["\\", ["org.zeta/files@0.1.0"]],
    ["\\T", ["org.zeta/files@0.1.0"]],
    ["com%weather", []],
    ["com_acme", []],
    ["';--", []],
  ])("finds %j literally, whatever the case", async (search, found) =>
    expect(list(`?search=${encodeURIComponent(search)}`).then(keys)).resolves.toEqual(found),
  );

  it("filters by version, `latest` or exact", async () => {
    await expect(list("?version=latest").then(keys)).resolves.toEqual(everything.slice(1));
    await expect(list("?version=1.0.0").then(keys)).resolves.toEqual(["com.acme/Weather@1.0.0"]);
    await expect(list("?version=1.0.0%2Bbuild%2F7").then(keys)).resolves.toEqual([
      "com.acme/old@1.0.0+build/7",
    ]);
  });

  it("filters by updated_since, strictly later", async () => {
    const imported = "com.acme/old@1.0.0+build/7"; // without dates of its own: just now
    await expect(list("?updated_since=2025-01-03T12:00:00Z").then(keys)).resolves.toEqual([
      imported,
      "org.zeta/files@0.1.0",
    ]);
    await expect(list("?updated_since=2025-01-03T11:59:59.999999Z").then(keys)).resolves.toEqual(
      everything.slice(2),
    );
    // 12:00 UTC, once with an escaped and once with a bare plus sign
    await expect(list("?updated_since=2025-01-03T14:00:00%2B02:00").then(keys)).resolves.toHaveLength(2);
    await expect(list("?updated_since=2025-01-03T14:00:00+02:00").then(keys)).resolves.toHaveLength(2);
  });

  it("combines filters", async () =>
    expect(
      list(
        "?version=latest&search=acme&updated_since=2025-01-01T12:00:00Z&include_deleted=true&limit=2",
      ).then(keys),
    ).resolves.toEqual(["com.acme/Weather@1.1.0", "com.acme/alpha@2.1"]));

  it("takes the filters from the cursor where the request leaves them out", async () => {
    const first = await list("?limit=1&search=weather&include_deleted=true");
    expect(keys(first)).toEqual(["com.acme/Weather@1.0.0"]);
    const { nextCursor } = first.metadata;
    const second = await list(`?cursor=${nextCursor}`);
    expect([keys(second), second.metadata]).toEqual([["com.acme/Weather@1.1.0"], { count: 1 }]);
    await expect(list(`?cursor=${nextCursor}&search=weather&include_deleted=true`)).resolves.toEqual(second);
  });

  it.each([
    ["search=rain", "search"],
    ["version=latest", "version"],
    ["updated_since=2025-01-01T00:00:00Z", "updated_since"],
    ["include_deleted=true", "include_deleted"],
  ])("refuses a cursor of another list: %s", async (parameter, name) => {
    const { nextCursor } = (await list("?limit=1&search=weather")).metadata;
    const { status, body } = await request(api.app).get(`/v0.1/servers?cursor=${nextCursor}&${parameter}`);
    const message = `The cursor belongs to a list with another ${name}. Leave ${name} out, or start again without the cursor.`;
    expect([status, body]).toMatchObject([
      400,
      { detail: message, errors: [{ message, location: `query.${name}` }] },
    ]);
  });

  it("ignores parameters that it does not know and empty ones", async () =>
    expect(
      list("?foo=1&foo=2&search=&limit=&cursor=&version=&updated_since=&include_deleted=").then(keys),
    ).resolves.toEqual(everything));

  it("gives 30 rows unless told otherwise", async () => {
    const crowded = await createTestDatabase({ template: "migrated" });
    await importInto(
      crowded,
      Array.from({ length: 31 }, (_, index) => entryOf(`a.b/n${index}`, "1")),
    );
    const other = createTestApi(crowded);
    const { body } = await request(other.app).get("/v0.1/servers");
    expect((body as List).metadata).toEqual({ count: 30, nextCursor: expect.any(String) });
    await other.close();
    await crowded.drop();
  });
});

describe("GET /servers/{name}/versions", () => {
  it.each(["com.acme%2FWeather", "com.acme/Weather", "com%2eacme%2fWeather"])(
    "lists every version of %s, newest published first",
    async (name) => {
      const { status, body } = await request(api.app).get(
        `/v0.1/servers/${name}/versions?include_deleted=true`,
      );
      expect(status).toBe(200);
      expect(keys(body as List)).toEqual(["com.acme/Weather@1.1.0", "com.acme/Weather@1.0.0"]);
      expect((body as List).metadata).toEqual({ count: 2 });
    },
  );

  it.each(["com.acme%2Fweather", "com.acme/none", "com.acme%2F%27", "%2F", "a".repeat(300)])(
    "answers 404 for %s",
    async (name) => {
      const { status, body } = await request(api.app).get(`/v0.1/servers/${name}/versions`);
      expect([status, body]).toMatchObject([404, { code: "not-found" }]);
    },
  );

  it("names the server that there is not", async () => {
    const { body } = await request(api.app).get(`/v0.1/servers/com.acme/none/versions`);
    expect(body).toMatchObject({
      detail: 'There is no server "com.acme/none".',
      error: 'There is no server "com.acme/none".',
    });
  });
});

describe("GET /servers/{name}/versions/{version}", () => {
  it.each([
    ["com.acme%2FWeather/versions/1.0.0", "com.acme/Weather@1.0.0"],
    ["com.acme/Weather/versions/1.0.0", "com.acme/Weather@1.0.0"],
    ["com.acme%2FWeather/versions/latest", "com.acme/Weather@1.1.0"],
    ["com.acme/old/versions/1.0.0%2Bbuild%2F7", "com.acme/old@1.0.0+build/7"],
    ["org.zeta/files/versions/latest?include_deleted=false", "org.zeta/files@0.1.0"],
  ])("answers %s", async (path, key) => {
    const { status, body } = await request(api.app).get(`/v0.1/servers/${path}`);
    expect([status, keys({ servers: [body as List["servers"][0]], metadata: { count: 1 } })]).toEqual([
      200,
      [key],
    ]);
  });

  it("says when a version is deprecated", async () => {
    const { body } = await request(api.app).get("/v0.1/servers/org.zeta/files/versions/0.1.0");
    expect(body).toMatchObject({
      _meta: { "io.modelcontextprotocol.registry/official": { status: "deprecated", isLatest: true } },
    });
  });

  it.each([
    "com.acme%2FWeather/versions/9.9.9",
    "com.acme/none/versions/latest",
    `com.acme/Weather/versions/${"1".repeat(300)}`,
  ])("answers 404 for %s", async (path) => {
    const { status, body } = await request(api.app).get(`/v0.1/servers/${path}`);
    expect([status, body]).toMatchObject([404, { title: "Not Found", code: "not-found" }]);
  });
});
