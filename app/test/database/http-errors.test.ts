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

const get = (path: string): request.Test => request(api.app).get(path);

/** A request with a JSON body. */
const send = (method: string, path: string): request.Test => {
  const agent = request(api.app);
  const start = agent[method.toLowerCase() as "post"].bind(agent);
  return start(path).send({ name: "a/b" });
};

describe("an error", () => {
  it("is a whole problem, also for clients of the specification, which read `error`", async () => {
    const response = await get("/v0.1/servers?limit=0&include_deleted=maybe&search=a&search=b").set(
      "X-Request-Id",
      "my-id:1",
    );
    const detail =
      "limit must be a whole number from 1 to 100; search must be given once; include_deleted must be true or false.";
    expect(response.status).toBe(422);
    expect(response.headers).toMatchObject({
      "content-type": "application/problem+json; charset=utf-8",
      "cache-control": "no-store",
    });
    expect(response.body).toEqual({
      type: "about:blank",
      title: "Unprocessable Entity",
      status: 422,
      detail,
      error: detail,
      code: "unprocessable",
      requestId: "my-id:1",
      errors: [
        { message: "limit must be a whole number from 1 to 100", location: "query.limit", value: "0" },
        { message: "search must be given once", location: "query.search" },
        {
          message: "include_deleted must be true or false",
          location: "query.include_deleted",
          value: "maybe",
        },
      ],
    });
  });

  it.each([
    [422, "/servers?limit=101"],
    [422, "/servers?limit=-1"],
    [422, "/servers?limit=1.5"],
    [422, "/servers?limit=ten"],
    [422, "/servers?limit=1&limit=2"],
    [422, "/servers?include_deleted=1"],
    [422, "/servers?cursor=a&cursor=b"],
    [422, `/servers?search=${"x".repeat(201)}`],
    [422, `/servers?version=${"1".repeat(256)}`],
    [422, "/servers/com.acme%2Fweather/versions?include_deleted=maybe"],
    [422, "/servers/com.acme%2Fweather/versions/latest?include_deleted=true&include_deleted=true"],
    [400, "/servers?updated_since=yesterday"],
    [400, "/servers?updated_since=2025-02-30T00:00:00Z"],
    [400, "/servers?include_deleted=false&updated_since=2025-01-01T00:00:00Z"],
    [400, "/servers?cursor=nonsense"],
    [400, "/servers?cursor=a%2Bb"],
    [400, `/servers?cursor=${"a".repeat(2049)}`],
    [400, "/servers?search=a%00b"],
    [400, "/servers?version=%00"],
    [400, "/servers/com.acme%2Fwea%00ther/versions"],
    [400, "/servers/com.acme%2Fweather/versions/1%00"],
    [400, "/servers/com.acme%2/versions"],
    [400, "/servers/com.acme%2Fweather/versions/%FF"],
    [404, "/servers/com.acme%2Fweather"],
    [404, "/servers/com.acme%2Fweather/versions/1.0.0/more"],
    [404, "/Servers"],
    [404, "/nothing"],
    [414, `/servers?x=${"x".repeat(8200)}`],
  ])("is %i for %s", async (status, path) => {
    const response = await get(`/v0.1${path}`);
    expect([response.status, response.body]).toMatchObject([
      status,
      {
        type: "about:blank",
        status,
        error: response.body.detail,
        requestId: response.headers["x-request-id"],
      },
    ]);
  });

  it.each(["/", "/servers", "/v1/servers", "/metrics"])(
    "tells who asks for %s where to look",
    async (path) => {
      const { status, body } = await get(path);
      expect([status, body.detail]).toEqual([
        404,
        `There is nothing at ${path}. The registry's servers are at /v0.1/servers.`,
      ]);
    },
  );

  it("takes a search of 200 characters, however many bytes they have", async () =>
    expect((await get(`/v0.1/servers?search=${encodeURIComponent("😀".repeat(200))}`)).status).toBe(200));

  it("of ours says nothing about the inside, but the log does", async () => {
    await database.query(`
      ALTER TABLE server_version RENAME TO hidden;
      CREATE VIEW server_version AS SELECT server_name, version, value, title, description, status, status_changed_at, status_message,
        1 / (length(version) - length(version)) = 0 AS is_latest, published_at, updated_at FROM hidden`);
    const { status, body } = await get("/v0.1/servers?version=latest").set("X-Request-Id", "broken-table");
    await database.query("DROP VIEW server_version; ALTER TABLE hidden RENAME TO server_version");
    expect([status, body]).toEqual([
      500,
      {
        type: "about:blank",
        title: "Internal Server Error",
        status: 500,
        detail: "Something went wrong on our side. Give the requestId when you report it.",
        error: "Something went wrong on our side. Give the requestId when you report it.",
        code: "internal",
        requestId: "broken-table",
      },
    ]);
    const line = api.log().find(({ requestId }) => requestId === "broken-table");
    expect(line).toMatchObject({ level: "error", response: { status: 500 }, error: { code: "22012" } });
  });

  it("is 503 with Retry-After while a migration is still to come", async () => {
    const empty = await createTestDatabase();
    const other = createTestApi(empty);
    const response = await request(other.app).get("/v0.1/servers");
    await other.close();
    await empty.drop();
    expect([response.status, response.headers["retry-after"], response.body]).toMatchObject([
      503,
      "2",
      {
        code: "unavailable",
        detail: "The registry cannot use its database right now. Try again in a few seconds.",
      },
    ]);
  });
});

describe("a method", () => {
  it.each([
    ["POST", "/v0.1/servers", "GET, HEAD, OPTIONS"],
    ["DELETE", "/v0.1/servers/a%2Fb/versions", "GET, HEAD, OPTIONS"],
    ["POST", "/v0/servers/a/b/versions/1", "GET, HEAD, PUT, DELETE, OPTIONS"],
    ["GET", "/v0.1/servers/a/b/versions/1/status", "PATCH, OPTIONS"],
    ["GET", "/api/v0/publish", "POST, OPTIONS"],
    ["GET", "/api/v0.1/validate", "POST, OPTIONS"],
    ["POST", "/openapi.yaml", "GET, HEAD, OPTIONS"],
    ["PUT", "/health", "GET, HEAD, OPTIONS"],
  ])("%s that %s does not know is 405 with those it knows", async (method, path, allow) => {
    const response = await send(method, path);
    expect([response.status, response.headers["allow"], response.body.code]).toEqual([
      405,
      allow,
      "method-not-allowed",
    ]);
  });

  it.each([
    ["POST", "/publish"],
    ["PATCH", "/servers/a%2Fb/versions/1/status"],
    ["PATCH", "/servers/a/b/status"],
    ["PUT", "/servers/a/b/versions/1"],
    ["DELETE", "/servers/a%2Fb/versions/1"],
  ])("%s %s is 501 without tokens: the registry is read-only", async (method, path) => {
    const response = await send(method, `/v0.1${path}`);
    expect([response.status, response.body.code, response.headers["cache-control"]]).toEqual([
      501,
      "not-implemented",
      "no-store",
    ]);
  });

  it("HEAD answers as GET, without the body", async () => {
    const [head, whole] = [await request(api.app).head("/v0.1/servers"), await get("/v0.1/servers")];
    expect([head.status, head.text ?? "", head.headers["etag"]]).toEqual([200, "", whole.headers["etag"]]);
  });
});
