import { Agent } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { Config } from "../../config/settings.ts";
import { createLog } from "../../log.ts";
import { startService, type Service } from "../../service.ts";
import {
  exchange,
  getJson,
  readIsWaiting,
  refusal,
  takePort,
  withBlockedReads,
} from "../support/live-service.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { configOf, createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
  await importInto(database, [entryOf("com.acme/weather", "1.0.0")]);
});
afterAll(() => database.drop());

const services: Service[] = [];
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.stop()));
});

async function start(
  config: Config = database.config,
): Promise<{ service: Service; log: () => Record<string, unknown>[] }> {
  const lines: string[] = [];
  const log = createLog({ level: "info", format: "json", stream: { write: (line) => lines.push(line) } });
  const service = await startService(config, log);
  services.push(service);
  return { service, log: () => lines.map((line): Record<string, unknown> => JSON.parse(line)) };
}

describe("a service", () => {
  it("opens both ports and says which, also when it may choose them", async () => {
    const { service, log } = await start();
    expect(log()).toMatchObject([
      { level: "info", message: "API listening", host: "*", port: service.port },
      { level: "info", message: "operations listening", host: "*", port: service.operationsPort },
    ]);
    expect(service.port).toBeGreaterThan(0);
    await expect(getJson(service.port, "/v0.1/servers")).resolves.toMatchObject({
      status: 200,
      body: { metadata: { count: 1 } },
    });
    await expect(getJson(service.operationsPort, "/ready")).resolves.toMatchObject({ status: 200 });
  });

  it("listens where the address says", async () => {
    const { service, log } = await start({ ...database.config, address: { host: "127.0.0.1", port: 0 } });
    expect(log()[0]).toMatchObject({ message: "API listening", host: "127.0.0.1" });
    await expect(getJson(service.port, "/health")).resolves.toMatchObject({ status: 200 });
  });

  it("finishes the requests in flight, refuses new ones and is unready meanwhile", async () => {
    const { service } = await start();
    const agent = new Agent({ keepAlive: true });
    await getJson(service.port, "/health", agent); // leaves an idle connection
    await withBlockedReads(database, async (release) => {
      const slow = getJson(service.port, "/v0.1/servers", agent);
      await readIsWaiting(database);
      const stopped = service.stop();
      await waitForCondition(
        "the API's port to close",
        async () => (await refusal(service.port)) === "ECONNREFUSED",
      );
      await expect(getJson(service.operationsPort, "/ready")).resolves.toMatchObject({
        status: 503,
        body: { status: "stopping" },
      });
      await expect(getJson(service.operationsPort, "/health")).resolves.toMatchObject({ status: 200 });
      await release();
      await expect(slow).resolves.toMatchObject({
        status: 200,
        headers: { connection: "close" },
        body: { metadata: { count: 1 } },
      });
      await stopped;
      await expect(refusal(service.operationsPort)).resolves.toBe("ECONNREFUSED");
    });
    agent.destroy();
  });

  it("cuts what is not finished after SHUTDOWN_TIMEOUT", async () => {
    const { service, log } = await start({ ...database.config, shutdownTimeout: 100 });
    await withBlockedReads(database, async () => {
      const slow = getJson(service.port, "/v0.1/servers").catch((error: { code?: string }) => error.code);
      await readIsWaiting(database);
      await service.stop();
      await expect(slow).resolves.toBe("ECONNRESET");
    });
    expect(log().filter(({ message }) => String(message).startsWith("cut"))).toMatchObject([
      { level: "warn", requests: 1 },
    ]);
  });

  it("does not wait for connections that are idle or hang in the middle of a request", async () => {
    const { service } = await start({ ...database.config, shutdownTimeout: 60_000 });
    const agent = new Agent({ keepAlive: true });
    const unfinished = ["", "GET /health HTTP/1.1\r\nHost: x\r\n"].map((bytes) =>
      exchange(service.port, bytes),
    );
    await getJson(service.port, "/health", agent); // connections are taken in their order: the others are there, too
    const started = Date.now();
    await service.stop();
    expect(Date.now() - started).toBeLessThan(5_000);
    await expect(Promise.all(unfinished)).resolves.toEqual(["", ""]);
    agent.destroy();
  });

  it("answers what is not HTTP, or too long, with a problem", async () => {
    const { service } = await start();
    await expect(exchange(service.port, "nonsense\r\n\r\n")).resolves.toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n[^]*"detail":"This is not an HTTP request\."/,
    );
    await expect(
      exchange(service.port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(17_000)}\r\n\r\n`),
    ).resolves.toMatch(/^HTTP\/1\.1 431 [^]*"detail":"The request's headers are longer than 16 KB\."/);
  });

  it.each([
    ["PORT", (config: Config, port: number): Config => ({ ...config, port })],
    ["OPERATIONS_PORT", (config: Config, port: number): Config => ({ ...config, operationsPort: port })],
  ])("does not start when the port of %s is taken, and leaves nothing open", async (setting, using) => {
    const port = await takePort();
    await expect(start(using(database.config, port))).rejects.toMatchObject({
      code: "configuration",
      message: `Cannot listen on port ${port}: it is in use. Stop the other program, or set ${setting} to another one.`,
    });
  });
});

describe("a database that goes away", () => {
  it("makes the service unready and its requests 503, until it is back", async () => {
    const proxy = await startTcpProxy(database.address.port);
    const url = new URL(database.url);
    url.port = String(proxy.port);
    const { service, log } = await start(configOf(url.href, { DATABASE_CONNECT_TIMEOUT: "2s" }));
    await expect(getJson(service.port, "/ready")).resolves.toMatchObject({
      status: 200,
      body: { status: "ready" },
    });

    await proxy.cut();
    const answer = await getJson(service.port, "/v0.1/servers");
    expect(answer).toMatchObject({
      status: 503,
      headers: { "retry-after": "2", "content-type": "application/problem+json; charset=utf-8" },
      body: {
        code: "unavailable",
        detail: "The registry cannot use its database right now. Try again in a few seconds.",
      },
    });
    await expect(getJson(service.port, "/ready")).resolves.toMatchObject({
      status: 503,
      body: { status: "database-unreachable" },
    });
    await expect(getJson(service.port, "/health")).resolves.toMatchObject({ status: 200 });

    await proxy.mend();
    await expect(getJson(service.port, "/v0.1/servers")).resolves.toMatchObject({ status: 200 });
    await expect(getJson(service.port, "/ready")).resolves.toMatchObject({ status: 200 });
    const told = log().flatMap(({ level, message }) =>
      /^(not )?ready$/.test(String(message)) ? [`${String(level)}: ${String(message)}`] : [],
    );
    expect(told).toEqual(["info: ready", "warn: not ready", "info: ready"]);
    await proxy.cut();
  });

  it("is no trouble when it only closes idle connections", async () => {
    const { service, log } = await start();
    await getJson(service.port, "/v0.1/servers");
    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'headgate serve'",
    );
    await waitForCondition("the pool to hear of it", () =>
      log().some(({ message }) => message === "an idle database connection broke"),
    );
    await expect(getJson(service.port, "/v0.1/servers")).resolves.toMatchObject({ status: 200 });
  });
});
