import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForCondition } from "../support/wait-for-condition.ts";
import {
  gate,
  holdGate,
  createScene,
  removeScenes,
  undisturbedOutcome,
  type Outcome,
  type Scene,
} from "./support/scene.ts";
import {
  startUnreliableProxy,
  through,
  type Fate,
  type UnreliableProxy,
} from "./support/unreliable-proxy.ts";
import { heal } from "./support/die-and-heal.ts";
import { report } from "./support/report.ts";
import { takeTurns } from "./support/take-turns.ts";

takeTurns("together");

const files = {
  "000001_base.up.sql": "CREATE TABLE items (n int); INSERT INTO items SELECT generate_series(1, 10)",
  "000002_body.up.sql": "ALTER TABLE items ADD COLUMN note text; UPDATE items SET n = n + 1",
  "000003_outside.up.sql":
    "-- migrate: no-transaction\nUPDATE items SET n = n + 100;\nCREATE INDEX CONCURRENTLY items_n ON items (n);",
};

interface Phase {
  readonly phase: string;
  /** The moment, by what the runner is about to send. */
  readonly at: RegExp;
  /** The connection of that moment; the second one asks after the first. */
  readonly occurrence?: number;
  /** What the run says on its way. */
  readonly says: RegExp;
}

const lost = /was lost/i;

const phases: readonly Phase[] = [
  { phase: "reading the ledger", at: /FROM "public"\."schema_migrations"/, says: lost },
  { phase: "asking for the lock", at: /pg_try_advisory_lock/, says: lost },
  { phase: "inside the body", at: /ADD COLUMN note/, says: lost },
  {
    phase: "writing the ledger",
    at: /INSERT INTO "public"\."schema_migration_runs"/,
    says: lost,
  },
  { phase: "at COMMIT", at: /COMMIT/, says: lost },
  { phase: "in a statement outside a transaction", at: /\+ 100/, says: lost },
  {
    phase: "in an index build",
    at: /CREATE INDEX CONCURRENTLY items_n/,
    says: lost,
  },
];

let undisturbed: Outcome;
let proxies: UnreliableProxy[] = [];

beforeAll(async () => {
  undisturbed = await undisturbedOutcome(files);
});
afterEach(async () => {
  await Promise.all(proxies.map(async (proxy) => await proxy.close()));
  proxies = [];
  await removeScenes();
});
afterAll(removeScenes);

/** A proxy that meets its fate at the first piece that matches, once. */
async function proxyTo(
  scene: Scene,
  at: RegExp,
  fate: Fate,
): Promise<{ url: string; struck: () => boolean }> {
  let struck = false;
  const proxy = await startUnreliableProxy({
    targetPort: scene.database.address.port,
    decide: (text) => {
      if (struck || !at.test(text)) return "pass";
      struck = true;
      return fate;
    },
  });
  proxies.push(proxy);
  return { url: through(proxy, scene.database.url), struck: () => struck };
}

describe("a connection that is cut", () => {
  it.each(phases)("$phase is made again, and the run goes on to its end", async ({ at, says }) => {
    const scene = await createScene(files);
    const { url, struck } = await proxyTo(scene, at, "cut");
    const end = await scene.up({ DATABASE_URL: url });
    expect({ struck: struck(), code: end.code, stderr: end.stderr }).toEqual({
      struck: true,
      code: 0,
      stderr: expect.stringMatching(says),
    });
    expect(end.stderr).not.toMatch(/\n\s+at /);
    expect(end.stdout).toMatch(/3 migrations applied/);
    expect(await scene.outcome()).toEqual(undisturbed);
    expect(await heal(scene)).toEqual(undisturbed);
  });

  it("while it connects is tried again, and the run succeeds", async () => {
    const scene = await createScene(files);
    let refused = 0;
    const proxy = await startUnreliableProxy({
      targetPort: scene.database.address.port,
      decide: (_text, connection) => {
        if (connection > 3) return "pass";
        refused += 1;
        return "cut";
      },
    });
    proxies.push(proxy);
    const end = await scene.up({ DATABASE_URL: through(proxy, scene.database.url) });
    expect({ code: end.code, refused }).toEqual({ code: 0, refused: 3 });
    expect(await scene.outcome()).toEqual(undisturbed);
  });

  it("while it connects, again and again, ends the run with 4 in time", async () => {
    const scene = await createScene(files);
    const { port } = await proxyThat(scene, "cut");
    const end = await scene.up({ DATABASE_URL: through({ port }, scene.database.url), WAIT_TIMEOUT: "1s" });
    expect(end).toMatchObject({ code: 4, stderr: expect.stringContaining("was not ready within 1 s") });
  });

  it("while it unlocks does not spoil a run that is complete", async () => {
    const scene = await createScene(files);
    const { url, struck } = await proxyTo(scene, /pg_advisory_unlock\(/, "cut");
    const end = await scene.up({ DATABASE_URL: url });
    expect({ struck: struck(), code: end.code }).toEqual({ struck: true, code: 0 });
    expect(await heal(scene)).toEqual(undisturbed);
  });

  it("after COMMIT has arrived, and before the answer has, leaves a migration that is applied once", async () => {
    const scene = await createScene(files);
    const { url } = await proxyTo(scene, /COMMIT/, "deaf");
    const end = await scene.up({ DATABASE_URL: url });
    expect(end).toMatchObject({ code: 0, stdout: expect.stringMatching(/3 migrations applied/) });
    expect(await scene.outcome()).toEqual(undisturbed);
    expect(await heal(scene)).toEqual(undisturbed);
  });
});

describe("a connection that brings nothing any more, and is not cut,", () => {
  it("is given up by itself in every phase, and the run goes on over another one", async () => {
    const started = performance.now();
    const ends = await Promise.all(
      phases.map(async ({ phase, at }) => {
        const scene = await createScene(files);
        const { url, struck } = await proxyTo(scene, at, "black hole");
        const end = await scene.up({ DATABASE_URL: url });
        report(`black hole ${phase}: the run has ended`, performance.now() - started);
        return { scene, phase, struck: struck(), code: end.code };
      }),
    );
    expect(ends.map(({ phase, struck, code }) => ({ phase, struck, code }))).toEqual(
      phases.map(({ phase }) => ({ phase, struck: true, code: 0 })),
    );
    expect(await Promise.all(ends.map(async ({ scene }) => await heal(scene)))).toEqual(
      ends.map(() => undisturbed),
    );
  }, 120_000);

  it("does not keep a complete run from ending well", async () => {
    const scene = await createScene(files);
    const { url } = await proxyTo(scene, /pg_advisory_unlock\(/, "black hole");
    expect(await scene.up({ DATABASE_URL: url })).toMatchObject({ code: 0 });
    const locks = await scene.database.query(
      "SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    expect(locks).toEqual([]);
  });
});

describe("the connection of the watcher", () => {
  it("may bring nothing any more without keeping the run from ending", async () => {
    const scene = await createScene({ "000001_long.up.sql": "SELECT pg_sleep(1.5)" });
    const { url, struck } = await proxyTo(scene, /pg_blocking_pids/, "black hole");
    const runner = scene.startUp({ DATABASE_URL: url });
    await waitForCondition("the ledger", async () => (await scene.outcome()).applied.length === 1, {
      timeout: 40_000,
    });
    const code = await Promise.race([runner.ended.then((end) => end.code), sleep(5000, "hangs")]);
    expect({ struck: struck(), code }).toEqual({ struck: true, code: 0 });
  });
});

describe("a session that the server ends", () => {
  it("by pg_terminate_backend ends the run with 4 and a record, and the next one heals", async () => {
    const gated = { ...files, "000002_body.up.sql": `${files["000002_body.up.sql"]}; SELECT ${gate(1)}` };
    const scene = await createScene(gated);
    const hold = await scene.hold(holdGate(1));
    const runner = scene.startUp();
    const backend = await scene.waitUntilStuck(runner);
    await scene.database.query("SELECT pg_terminate_backend($1)", [backend]);
    const end = await runner.ended;
    expect(end).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/000002_body: Somebody, or the migration itself, ended our session/),
    });
    const runs = await scene.database.query(
      "SELECT ending, error ->> 'sqlstate' AS code FROM schema_migration_runs WHERE name = '000002_body'",
    );
    expect(runs).toEqual([{ ending: "stopped", code: "57P01" }]);
    await hold.letGo();
    expect(await heal(scene)).toEqual(undisturbed);
  });
});

async function proxyThat(scene: Scene, fate: Fate): Promise<UnreliableProxy> {
  const proxy = await startUnreliableProxy({ targetPort: scene.database.address.port, decide: () => fate });
  proxies.push(proxy);
  return proxy;
}
