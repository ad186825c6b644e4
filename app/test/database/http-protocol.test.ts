import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { version } from "../../version.ts";
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

/** Sends the path as it is; supertest's URLs would be tidied up. */
async function getExactly(path: string): Promise<IncomingMessage> {
  const server = createServer(api.app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const [response] = (await once(httpRequest({ host: "127.0.0.1", port, path }).end(), "response")) as [
    IncomingMessage,
  ];
  response.resume();
  await once(response, "end");
  server.close();
  server.closeAllConnections();
  return response;
}

const get = (path: string): request.Test => request(api.app).get(path);

describe("a trailing slash", () => {
  it.each([
    ["/v0.1/servers/", "/v0.1/servers"],
    ["/v0.1/servers//?limit=2&x=/", "/v0.1/servers?limit=2&x=/"],
    ["/health/", "/health"],
    // never to another host
    ["//evil.example/", "/evil.example"],
    ["/\\evil.example/", "/evil.example"],
  ])("of %s is dropped by 308", async (path, location) => {
    const { statusCode, headers } = await getExactly(path);
    expect([statusCode, headers.location]).toEqual([308, location]);
  });
});

describe("caching", () => {
  it("lets a client keep a document as long as it asks whether it still holds", async () => {
    const first = await get("/v0.1/servers/com.acme/weather/versions/latest");
    expect(first.headers).toMatchObject({
      "cache-control": "public, max-age=0, must-revalidate",
      etag: expect.stringMatching(/^"[\w-]{27}"$/),
    });
    const again = await get("/v0.1/servers/com.acme/weather/versions/latest").set(
      "If-None-Match",
      `"x", ${first.headers["etag"]}`,
    );
    expect([again.status, again.text, again.headers["etag"]]).toEqual([304, "", first.headers["etag"]]);
    await database.query("UPDATE server_version SET updated_at = updated_at + interval '1 us'");
    const changed = await get("/v0.1/servers/com.acme/weather/versions/latest").set(
      "If-None-Match",
      String(first.headers["etag"]),
    );
    expect(changed.status).toBe(200);
  });

  it.each([
    ["status", "status = 'deprecated'"],
    ["status_message", "status_message = 'gone'"],
    ["status_changed_at", "status_changed_at = status_changed_at + interval '1 us'"],
    ["published_at", "published_at = published_at - interval '1 us'"],
    ["updated_at", "updated_at = updated_at + interval '1 us'"],
    ["is_latest", "is_latest = NOT is_latest"],
  ])("has another ETag for a list when %s changes", async (_column, change) => {
    const first = await get("/v0.1/servers");
    await database.query(`UPDATE server_version SET ${change}`);
    const { status, text, headers } = await get("/v0.1/servers").set(
      "If-None-Match",
      String(first.headers["etag"]),
    );
    expect([status, text === first.text, headers["etag"] === first.headers["etag"]]).toEqual([
      200,
      false,
      false,
    ]);
    const again = await get("/v0.1/servers").set("If-None-Match", String(headers["etag"]));
    expect([again.status, again.text, again.headers["content-type"]]).toEqual([304, "", undefined]);
  });

  it("sends HEAD the head of GET", async () => {
    const { date: _, "x-request-id": _id, ...whole } = (await get("/v0.1/servers")).headers;
    const { status, text, headers } = await request(api.app).head("/v0.1/servers");
    expect([status, text, headers]).toMatchObject([200, undefined, whole]);
    expect(Number(whole["content-length"])).toBeGreaterThan(100);
  });

  it.each(["/health", "/ready", "/version", "/v0.1/health", "/v0.1/nothing"])(
    "does not happen for %s",
    async (path) => {
      const { headers } = await get(path);
      expect([headers["cache-control"], headers["etag"]]).toEqual(["no-store", undefined]);
    },
  );
});

describe("other origins", () => {
  it.each(["/v0.1/servers", "/v0.1/servers?limit=0", "/nothing", "/ready"])("may read %s", async (path) => {
    const { headers } = await get(path).set("Origin", "https://editor.example");
    expect(headers).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-expose-headers": "ETag,Location,Retry-After",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "cross-origin",
    });
    expect(headers).not.toHaveProperty("x-powered-by");
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });

  it("are told once a day what they may send", async () => {
    const response = await request(api.app)
      .options("/v0.1/publish")
      .set({ Origin: "https://editor.example", "Access-Control-Request-Method": "POST" });
    expect([response.status, response.headers]).toMatchObject([
      204,
      {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET,HEAD,POST,PATCH,OPTIONS",
        "access-control-allow-headers": "Authorization,Content-Type,If-None-Match",
        "access-control-max-age": "86400",
      },
    ]);
  });
});

describe("small endpoints", () => {
  it.each([
    ["/health", { status: "ok" }],
    ["/version", { name: "headgate", version, revision: "unknown" }],
    ["/v0.1/health", { status: "ok" }],
    ["/v0/ping", { pong: true }],
    ["/api/v0/version", { version, git_commit: "unknown" }],
  ])("%s", async (path, body) => {
    const response = await get(path);
    expect([response.status, response.body]).toEqual([200, body]);
  });

  it.each(["/ready", "/readiness"])("%s is yes on a migrated database", async (path) => {
    const response = await get(path);
    expect([response.status, response.body]).toMatchObject([200, { status: "ready" }]);
  });

  it("stand on the operations port, too, and the registry does not", async () => {
    for (const path of ["/health", "/ready", "/version"]) {
      expect([path, (await request(api.operations).get(path)).status]).toEqual([path, 200]);
    }
    const { status, body } = await request(api.operations).get("/v0.1/servers");
    expect([status, body.detail]).toEqual([
      404,
      "There is nothing at /v0.1/servers. This port answers /health, /ready, /metrics and /version.",
    ]);
  });

  it("say at once that the service is stopping", async () => {
    const other = createTestApi(database);
    other.readiness.stop();
    for (const app of [other.app, other.operations]) {
      const response = await request(app).get("/ready");
      expect([response.status, response.headers["retry-after"], response.body]).toEqual([
        503,
        "2",
        { status: "stopping" },
      ]);
    }
    expect((await request(other.app).get("/health")).status).toBe(200);
    await other.close();
  });
});

describe("the log", () => {
  const linesOf = (id: string): Record<string, unknown>[] =>
    api.log().filter(({ requestId }) => requestId === id);

  it("has one line for a request, with its id and without its headers", async () => {
    await get("/v0.1/servers?limit=1").set({
      "X-Request-Id": "for-the-log",
      Authorization: "Bearer s3cret-token",
      Cookie: "s3cret-cookie",
    });
    expect(linesOf("for-the-log")).toEqual([
      {
        level: "info",
        time: expect.any(String),
        requestId: "for-the-log",
        request: { method: "GET", url: "/v0.1/servers?limit=1", from: expect.any(String) },
        response: { status: 200 },
        durationMs: expect.any(Number),
        message: "GET /v0.1/servers 200",
      },
    ]);
    expect(JSON.stringify(api.log())).not.toContain("s3cret");
  });

  it("hears of probes at debug only", async () => {
    await get("/ready").set("X-Request-Id", "probe");
    expect(linesOf("probe")).toMatchObject([{ level: "debug", message: "GET /ready 200" }]);
  });

  it.each(["", "a b", "x".repeat(65), "ü", "${jndi}"])("takes no id like %j from outside", async (id) => {
    const { headers } = await get("/health").set("X-Request-Id", Buffer.from(id, "utf8").toString("latin1"));
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});
