import { hostname } from "node:os";
import { afterAll, afterEach, describe, expect, it } from "@jest/globals";
import { report } from "./support/report.ts";
import { createScene, gate, holdGate, removeScenes } from "./support/scene.ts";
import { takeTurns } from "./support/take-turns.ts";

takeTurns("together");

const budget = 3000;
const briefly = { MIGRATE_LOCK_WAIT: `${budget}ms` };

/** Together far longer than the budget, each of them shorter. */
const stairs = Object.fromEntries(
  [1, 2, 3].map((step) => [`00000${step}_step.up.sql`, `CREATE TABLE step_${step} (); SELECT pg_sleep(1.9)`]),
);

afterEach(removeScenes);
afterAll(removeScenes);

describe("a runner that waits for the lock", () => {
  it("outlasts its budget as long as the holder makes progress", async () => {
    const scene = await createScene(stairs);
    const holder = scene.startUp(briefly);
    await scene.waitUntilStuck(holder, "PgSleep");
    const started = performance.now();
    const waiters = [scene.startUp(briefly), scene.startUp(briefly), scene.startUp(briefly)];
    const ends = await Promise.all([holder, ...waiters].map(async ({ ended }) => await ended));
    const waited = performance.now() - started;
    report(`waiters with a budget of ${budget} ms waited`, waited);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(waited).toBeGreaterThan(budget * 1.5);
    expect(ends.slice(1).every(({ stderr }) => stderr.includes("waiting for the migration lock"))).toBe(true);
  });

  it("gives up with 5 after its budget when the holder is stopped, and names it; later all is well", async () => {
    const scene = await createScene({
      "000001_gated.up.sql": `CREATE TABLE gated (); SELECT ${gate(1)}`,
      "000002_after.up.sql": "CREATE TABLE after ()",
    });
    const hold = await scene.hold(holdGate(1));
    const holder = scene.startUp();
    const backend = await scene.waitUntilStuck(holder);
    holder.kill("SIGSTOP");
    await hold.letGo();
    const started = performance.now();
    const waiter = await scene.up(briefly);
    const waited = performance.now() - started;
    report(`a waiter with a budget of ${budget} ms gave up`, waited);
    expect(waiter.code).toBe(5);
    const name = `@${hostname().slice(0, 20)}:${holder.pid}`;
    const message = String(waiter.stderr.trim().split("\n").at(-1));
    expect({
      message,
      namesHolder: message.includes(name),
      namesBackend: message.includes(String(backend)),
    }).toMatchObject({
      message: expect.stringContaining("was not obtained"),
      namesHolder: true,
      namesBackend: true,
    });
    expect(waited).toBeGreaterThan(budget);
    expect(waited).toBeLessThan(budget + 15_000);

    holder.kill("SIGCONT");
    expect(await holder.ended).toMatchObject({ code: 0 });
    expect(await scene.up()).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("Nothing is pending"),
    });
  });

  it("says in its log which migration the holder is in", async () => {
    const scene = await createScene({ "000001_gated.up.sql": `SELECT ${gate(1)}` });
    const hold = await scene.hold(holdGate(1));
    const holder = scene.startUp();
    await scene.waitUntilStuck(holder);
    const waiter = scene.startUp();
    await waiter.waitForOutput(new RegExp(`held by headgate migrate up 000001_gated @\\S+:${holder.pid} `));
    await hold.letGo();
    expect(await Promise.all([holder.ended, waiter.ended])).toMatchObject([{ code: 0 }, { code: 0 }]);
  });
});

describe("a migration that gives up the lock half-way", () => {
  it("is not applied twice, though another runner has applied it in the meantime and gone", async () => {
    const slow = "current_setting('fault.slow', true) = 'on'";
    const scene = await createScene({
      "000001_base.up.sql": "CREATE TABLE counted (n int)",
      "000002_careless.up.sql": `SELECT pg_advisory_unlock_all(); INSERT INTO counted VALUES (1); SELECT CASE WHEN ${slow} THEN ${gate(1)} END`,
    });
    const hold = await scene.hold(holdGate(1));
    const url = new URL(scene.database.url);
    url.searchParams.set("options", "-c fault.slow=on");
    const first = scene.startUp({ DATABASE_URL: url.href });
    await scene.waitUntilStuck(first);
    expect(await scene.up()).toMatchObject({ code: 0 });
    await hold.letGo();
    expect(await first.ended).toMatchObject({ code: 6 });
    expect((await scene.outcome()).applied).toEqual(["000001_base", "000002_careless"]);
    expect(await scene.database.query("SELECT count(*)::int AS rows FROM counted")).toEqual([{ rows: 1 }]);
  });
});
