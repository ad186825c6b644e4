import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { findFreePort } from "../support/free-port.ts";
import { startProgram, type RunningProgram } from "../support/run-program.ts";
import { createTestDatabase, withTestSession, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

let folder: string;
let database: TestDatabase;
let ports: { PORT: string; OPERATIONS_PORT: string };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headgate-gate-"));
  database = await createTestDatabase();
  ports = { PORT: String(await findFreePort()), OPERATIONS_PORT: String(await findFreePort()) };
});
afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

function start(env: Readonly<Record<string, string>> = {}): RunningProgram {
  return startProgram("docker-entrypoint.sh", {
    env: { ...address(), ...ports, ...env },
  });
}

/** A table that the tests hold is there before the first migration. */
function address(): Record<string, string> {
  return { DATABASE_URL: database.url, MIGRATIONS_DIR: folder, MIGRATE_NONEMPTY_DATABASE: "allow" };
}

async function ready(
  port: "PORT" | "OPERATIONS_PORT",
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`http://127.0.0.1:${ports[port]}/ready`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe("the container while it is not serving yet", () => {
  it("answers probes during a migration, says which, and hands both ports to the service", async () => {
    // The migration waits for the row that this test holds, so it lasts exactly as long as the test wants.
    await database.query("CREATE TABLE held (id int); INSERT INTO held VALUES (1)");
    await writeFile(join(folder, "000001_wait.up.sql"), "UPDATE held SET id = 2;\n");
    const program = await withTestSession(database.address, async ({ client }) => {
      await client.query("BEGIN; SELECT * FROM held FOR UPDATE");
      const running = start();
      const seen = await waitForCondition("the migration to be shown", async () => {
        const answer = await ready("OPERATIONS_PORT");
        return answer.body["status"] === "migrating" ? answer : undefined;
      });
      expect(seen).toEqual({
        status: 503,
        body: expect.objectContaining({
          status: "migrating",
          migration: "000001_wait",
          index: 1,
          total: 1,
          elapsedMs: expect.any(Number),
        }),
      });
      expect((await fetch(`http://127.0.0.1:${ports.PORT}/health`)).status).toBe(200);
      const list = await fetch(`http://127.0.0.1:${ports.PORT}/v0.1/servers`);
      expect([list.status, list.headers.get("retry-after"), list.headers.get("content-type")]).toEqual([
        503,
        "2",
        "application/problem+json",
      ]);
      await client.query("COMMIT");
      return running;
    });
    await waitForCondition("the service to be ready", async () => (await ready("PORT")).status === 200);
    expect(await ready("OPERATIONS_PORT")).toMatchObject({ status: 200, body: { status: "ready" } });
    program.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
  });

  it("says that it waits for the database", async () => {
    await writeFile(join(folder, "000001_one.up.sql"), "SELECT 1;\n");
    const program = start({ DATABASE_URL: `postgres://nobody:x@127.0.0.1:${await findFreePort()}/none` });
    await waitForCondition(
      "the wait to be shown",
      async () => (await ready("PORT")).body["status"] === "waiting-for-database",
    );
    program.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 143 });
  });

  it("says who holds the migration lock", async () => {
    await database.query("CREATE TABLE held (id int); INSERT INTO held VALUES (1)");
    await writeFile(join(folder, "000001_wait.up.sql"), "UPDATE held SET id = 2;\n");
    await withTestSession(database.address, async ({ client }) => {
      await client.query("BEGIN; SELECT * FROM held FOR UPDATE");
      const holder = startProgram("migrate", {
        args: ["up", "--yes"],
        env: address(),
      });
      await holder.waitForOutput("applying 000001_wait");
      start();
      const { body } = await waitForCondition("the holder to be shown", async () => {
        const answer = await ready("PORT");
        return answer.body["status"] === "waiting-for-lock" ? answer : undefined;
      });
      expect(body["holder"]).toContain("headgate migrate up 000001_wait");
      expect(body["holder"]).toContain(`:${holder.pid}`);
    });
  });

  it("leaves the exit code of a failed migration as it is, and no process behind", async () => {
    await writeFile(join(folder, "000001_bad.up.sql"), "SELECT 1/0;\n");
    const program = start();
    expect(await program.ended).toMatchObject({ code: 6, stderr: expect.stringContaining("22012") });
    await expect(fetch(`http://127.0.0.1:${ports.PORT}/health`)).rejects.toThrow("fetch failed");
  });
});
