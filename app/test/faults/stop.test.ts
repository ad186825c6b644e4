import { afterAll, afterEach, describe, expect, it } from "@jest/globals";
import type { RunningProgram } from "../support/run-program.ts";
import { findFreePort } from "../support/free-port.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { report } from "./support/report.ts";
import { createScene, gate, holdGate, removeScenes, type Scene } from "./support/scene.ts";
import {
  startUnreliableProxy,
  through,
  type Fate,
  type UnreliableProxy,
} from "./support/unreliable-proxy.ts";
import { takeTurns } from "./support/take-turns.ts";

takeTurns("together");

/** "Within about a second": it takes 0.2 s, and more on a machine that is busy with other tests. */
const soon = 3000;

const long = { "000001_long.up.sql": "CREATE TABLE half_done (); SELECT pg_sleep(600)" };
const longOutside = {
  "000001_long.up.sql": "-- migrate: no-transaction\nCREATE TABLE done ();\nSELECT pg_sleep(600)",
};
const gated = { "000001_gated.up.sql": `CREATE TABLE half_done (); SELECT ${gate(1)}` };

let proxy: UnreliableProxy | undefined;
afterEach(async () => {
  await proxy?.close();
  proxy = undefined;
  await removeScenes();
});
afterAll(removeScenes);

/** Sends the signal, and resolves with how the runner ended and whether that was soon enough. */
async function stop(
  runner: RunningProgram,
  signal: "SIGTERM" | "SIGINT",
  limit: number = soon,
): Promise<unknown> {
  const started = performance.now();
  runner.kill(signal);
  const { code, stderr } = await runner.ended;
  const milliseconds = performance.now() - started;
  report(`${signal} to the end`, milliseconds);
  return { code, inTime: milliseconds < limit, said: /Stopped (?:by|while)/.test(stderr) };
}

/** What is there when the server has noticed the end, which it does at once. */
async function leftovers({ database }: Scene): Promise<unknown> {
  await waitForCondition(
    "the lock to be free",
    async () => {
      const locks = await database.query(
        "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
      );
      return locks.length === 0;
    },
    { timeout: 3000 },
  );
  const [row] = await database.query(
    `SELECT (SELECT count(*)::int FROM schema_migrations) AS applied,
            (SELECT json_agg(coalesce(ending, state) || ' ' || statements_done) FROM schema_migration_runs) AS runs,
            to_regclass('half_done') AS table`,
  );
  return row;
}

const nothing = { applied: 0, runs: null, table: null };
/** Rolled back, and the ledger says who was told to stop. */
const stopped = { ...nothing, runs: ["stopped 0"] };

describe("a signal", () => {
  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)(
    "%s in the middle of a statement cancels it, rolls back, and ends the run with %d",
    async (signal, code) => {
      const scene = await createScene(long);
      const runner = scene.startUp();
      await scene.waitUntilStuck(runner, "PgSleep");
      expect(await stop(runner, signal)).toEqual({ code, inTime: true, said: true });
      expect(await leftovers(scene)).toEqual(stopped);
    },
  );

  it("in the middle of a statement outside a transaction keeps what is recorded, and the next run resumes there", async () => {
    const scene = await createScene(longOutside);
    const runner = scene.startUp();
    await scene.waitUntilStuck(runner, "PgSleep");
    expect(await stop(runner, "SIGTERM")).toEqual({ code: 143, inTime: true, said: true });
    expect(await leftovers(scene)).toMatchObject({
      applied: 0,
      runs: ["stopped 1"],
    });
    const second = scene.startUp();
    await scene.waitUntilStuck(second, "PgSleep");
    expect(await stop(second, "SIGTERM")).toMatchObject({ code: 143 });
  });

  it("in a TypeScript migration that waits for something that never comes ends the run, and rolls back", async () => {
    const scene = await createScene({
      "000001_never.ts": `export const up = async (pgm: { db: { query(text: string): Promise<unknown> } }) => {
        await pgm.db.query("CREATE TABLE half_done ()");
        await pgm.db.query("LISTEN never");
        await new Promise(() => setInterval(() => undefined, 1000));
      };`,
    });
    const runner = scene.startUp();
    await waitForCondition("the migration to wait", async () => {
      const rows = await scene.database.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN never' AND state = 'idle in transaction'",
      );
      return rows.length === 1;
    });
    expect(await stop(runner, "SIGTERM")).toEqual({ code: 143, inTime: true, said: true });
    expect(await leftovers(scene)).toEqual(stopped);
  });

  it("that comes just before a statement stops that statement too", async () => {
    const scene = await createScene(long);
    const runners: RunningProgram[] = [];
    let cancels = 0;
    let struck = false;
    proxy = await startUnreliableProxy({
      targetPort: scene.database.address.port,
      decide: async (text): Promise<Fate> => {
        if (text.includes("pg_cancel_backend")) cancels += 1;
        if (!struck && text.includes("pg_sleep")) {
          struck = true;
          runners[0]?.kill("SIGTERM");
          // The server has had the first request, which found nothing to cancel, when the second one is made.
          await waitForCondition("two requests to cancel", () => cancels >= 2).catch(() => undefined);
        }
        return "pass";
      },
    });
    runners.push(scene.startUp({ DATABASE_URL: through(proxy, scene.database.url) }));
    const end = await runners[0]!.ended;
    expect({ struck, code: end.code }).toEqual({ struck: true, code: 143 });
    expect(await leftovers(scene)).toEqual(stopped);
  });

  it("ends a run whose connection brings nothing any more, on both sides", async () => {
    const scene = await createScene(gated);
    let struck = false;
    proxy = await startUnreliableProxy({
      targetPort: scene.database.address.port,
      decide: (text) => {
        if (struck || !text.includes("half_done")) return "pass";
        struck = true;
        return "black hole";
      },
    });
    const runner = scene.startUp({ DATABASE_URL: through(proxy, scene.database.url) });
    await waitForCondition("the black hole", () => struck);
    expect(await stop(runner, "SIGTERM", 4000)).toEqual({ code: 143, inTime: true, said: true });
    expect(await leftovers(scene)).toEqual(nothing);
  });

  it("while it waits for the lock ends the run, and the holder goes on", async () => {
    const scene = await createScene(gated);
    const hold = await scene.hold(holdGate(1));
    const holder = scene.startUp();
    await scene.waitUntilStuck(holder);
    const waiter = scene.startUp();
    await waiter.waitForOutput("waiting for the migration lock");
    expect(await stop(waiter, "SIGTERM")).toEqual({ code: 143, inTime: true, said: true });
    await hold.letGo();
    expect(await holder.ended).toMatchObject({ code: 0 });
  });

  it("while nothing listens there ends the run", async () => {
    const scene = await createScene(gated);
    const runner = scene.startUp({
      DATABASE_URL: through({ port: await findFreePort() }, scene.database.url),
    });
    await runner.waitForOutput("waiting for PostgreSQL");
    expect(await stop(runner, "SIGTERM")).toEqual({ code: 143, inTime: true, said: true });
  });

  it("while a server takes the connection and says nothing ends the run", async () => {
    const scene = await createScene(gated);
    proxy = await startUnreliableProxy({
      targetPort: scene.database.address.port,
      decide: () => "black hole",
    });
    const runner = scene.startUp({ DATABASE_URL: through(proxy, scene.database.url) });
    await waitForCondition("the connection", () => proxy?.connections() === 1);
    expect(await stop(runner, "SIGTERM")).toEqual({ code: 143, inTime: true, said: true });
  });
});
