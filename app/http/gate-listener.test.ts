import { createServer, type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { openGate, type Gate } from "./gate-listener.ts";

let gate: Gate | undefined;

afterEach(async () => {
  await gate?.close();
  gate = undefined;
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function open(): Promise<string> {
  const port = await freePort();
  gate = await openGate([{ host: "127.0.0.1", port }], (error) => {
    throw error;
  });
  return `http://127.0.0.1:${port}`;
}

describe("the gate", () => {
  it("is alive and not ready, and says what it waits for", async () => {
    const url = await open();
    gate?.show({
      status: "migrating",
      migration: "000004_create_latest_index",
      index: 4,
      total: 10,
      progress: { percent: 42 },
    });
    const health = await fetch(`${url}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
    const ready = await fetch(`${url}/ready?verbose`);
    expect([ready.status, ready.headers.get("retry-after"), await ready.json()]).toEqual([
      503,
      "2",
      {
        status: "migrating",
        migration: "000004_create_latest_index",
        index: 4,
        total: 10,
        progress: { percent: 42 },
        elapsedMs: expect.any(Number),
      },
    ]);
  });

  it("tells everybody else to come back, with a problem body", async () => {
    const url = await open();
    const response = await fetch(`${url}/v0.1/servers`);
    expect(response.status).toBe(503);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("retry-after")).toBe("2");
    expect(response.headers.get("connection")).toBe("close");
    expect(await response.json()).toMatchObject({
      status: 503,
      code: "unavailable",
      title: "Service Unavailable",
    });
  });

  it("counts the time from the last change of what it waits for", async () => {
    const url = await open();
    gate?.show({ status: "migrating", migration: "one" });
    const elapsed = async (): Promise<number> =>
      ((await (await fetch(`${url}/ready`)).json()) as { elapsedMs: number }).elapsedMs;
    const before = await elapsed();
    while ((await elapsed()) <= before + 20);
    gate?.show({ status: "migrating", migration: "one", progress: { rows: 5 } });
    expect(await elapsed()).toBeGreaterThan(before + 20);
    const shown = performance.now();
    gate?.show({ status: "migrating", migration: "two" });
    const counted = await elapsed();
    // However slow the machine is: no more than what has passed since, and a millisecond of rounding.
    expect(counted).toBeLessThanOrEqual(performance.now() - shown + 1);
  });

  it("leaves an address out that is taken, and says so", async () => {
    const url = await open();
    const problems: string[] = [];
    const second = await openGate([{ host: "127.0.0.1", port: Number(new URL(url).port) }], (error) =>
      problems.push(error.message),
    );
    expect(problems).toEqual([expect.stringContaining("EADDRINUSE")]);
    await second.close();
  });

  it("frees the port at once, also with a connection open", async () => {
    const url = await open();
    await (await fetch(`${url}/health`, { headers: { connection: "keep-alive" } })).text();
    await gate?.close();
    await expect(fetch(`${url}/health`)).rejects.toThrow("fetch failed");
  });
});
