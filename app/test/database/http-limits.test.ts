import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text as readText } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import request from "supertest";
import { openListener, type ListenLimits, type Listener } from "../../http/listener.ts";
import { createTestApi, type TestApi } from "../support/api.ts";
import { readIsWaiting, withBlockedReads } from "../support/live-service.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { configOf, createTestDatabase, type TestDatabase } from "../support/test-database.ts";

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

const listeners: Listener[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.close(0)));
});

async function listen(limits: Partial<ListenLimits>): Promise<number> {
  const listener = await openListener(api.app, {
    address: { host: "127.0.0.1", port: 0 },
    setting: "PORT",
    limits,
  });
  listeners.push(listener);
  return listener.port;
}

function open(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  return socket;
}

const quick = { headersTimeout: 300, requestTimeout: 300, connectionsCheckingInterval: 50 };

describe("a slow client", () => {
  it.each([
    ["its head", "GET /v0.1/servers HTTP/1.1\r\nHost: x\r\nX-Slow: "],
    [
      "its body",
      'POST /v0.1/validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"',
    ],
    [
      "a chunk",
      'POST /v0.1/validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3e7\r\n{"',
    ],
  ])("that sends %s byte by byte is cut off with 408", async (_part, start) => {
    const socket = open(await listen(quick));
    const answer = readText(socket);
    socket.write(start);
    const drip = setInterval(() => socket.write("x"), 20);
    socket.on("error", () => undefined);
    await expect(answer).resolves.toMatch(/^HTTP\/1\.1 408 [\s\S]*"status":408/);
    clearInterval(drip);
  });

  it("that keeps a connection open without a request loses it", async () => {
    const socket = open(await listen({ keepAliveTimeout: 100, connectionsCheckingInterval: 50 }));
    socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    await expect(readText(socket)).resolves.toMatch(/^HTTP\/1\.1 200 /);
  });

  it("that is not slow notices nothing", async () => {
    const socket = open(await listen(quick));
    socket.write("GET /v0.1/servers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await expect(readText(socket)).resolves.toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("a port", () => {
  it("takes so many connections and no more", async () => {
    const port = await listen({ maxConnections: 2 });
    const kept = [open(port), open(port)];
    await Promise.all(kept.map((socket) => once(socket, "connect")));
    const third = open(port);
    third.on("error", () => undefined);
    await once(third, "close");
    expect(kept.map(({ destroyed }) => destroyed)).toEqual([false, false]);
  });
});

interface Refusal {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

const isUnavailable = ({ status, headers, body }: Refusal): void =>
  expect([status, headers["retry-after"], body]).toEqual([
    503,
    "2",
    {
      type: "about:blank",
      title: "Service Unavailable",
      status: 503,
      code: "unavailable",
      detail: "The registry cannot use its database right now. Try again in a few seconds.",
      error: "The registry cannot use its database right now. Try again in a few seconds.",
      requestId: expect.any(String),
    },
  ]);

describe("a database that is slow", () => {
  it.each(["/v0.1/servers?search=a", "/v0.1/servers/com.acme/weather/versions"])(
    "ends %s after DATABASE_STATEMENT_TIMEOUT with 503",
    async (path) => {
      const hasty = createTestApi({ config: configOf(database.url, { DATABASE_STATEMENT_TIMEOUT: "50ms" }) });
      await withBlockedReads(database, async () => {
        isUnavailable(await request(hasty.app).get(path));
      });
      expect(hasty.log().at(-1)).toMatchObject({
        error: { code: "unavailable", message: expect.stringContaining("DATABASE_STATEMENT_TIMEOUT") },
      });
      await hasty.close();
    },
  );

  it("makes nobody wait for a connection longer than DATABASE_CONNECT_TIMEOUT", async () => {
    const small = createTestApi({
      config: configOf(database.url, { DATABASE_POOL_SIZE: "1", DATABASE_CONNECT_TIMEOUT: "200ms" }),
    });
    await withBlockedReads(database, async (release) => {
      const first = request(small.app)
        .get("/v0.1/servers")
        .then((response) => response);
      await readIsWaiting(database);
      const started = performance.now();
      isUnavailable(await request(small.app).get("/v0.1/servers"));
      expect(performance.now() - started).toBeLessThan(3000);
      await release();
      expect((await first).status).toBe(200);
    });
    // The one connection was given back.
    expect((await request(small.app).get("/v0.1/servers")).status).toBe(200);
    await small.close();
  });

  it("lets so many requests be under way and no more; probes are answered all the same", async () => {
    const crowded = createTestApi(database, { mostInFlight: 2 });
    await withBlockedReads(database, async (release) => {
      const two = [1, 2].map(async () => request(crowded.app).get("/v0.1/servers"));
      await readIsWaiting(database);
      isUnavailable(await request(crowded.app).get("/v0.1/servers"));
      expect((await request(crowded.app).get("/health")).status).toBe(200);
      await release();
      expect((await Promise.all(two)).map(({ status }) => status)).toEqual([200, 200]);
    });
    expect((await request(crowded.app).get("/v0.1/servers")).status).toBe(200);
    await crowded.close();
  });
});
