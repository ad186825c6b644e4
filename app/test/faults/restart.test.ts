import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  startCluster,
  type Cluster,
  type ClusterOptions,
} from "../../../scripts/embedded-postgres/cluster.ts";
import { findFreePort } from "../support/free-port.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { heal } from "./support/die-and-heal.ts";
import { createScene, gate, holdGate, removeScenes, undisturbedOutcome } from "./support/scene.ts";
import { takeTurns } from "./support/take-turns.ts";

takeTurns("together");

const folder = join(tmpdir(), `headgate-faults-${randomBytes(8).toString("hex")}`);
const files = {
  "000001_base.up.sql": "CREATE TABLE items (n int); INSERT INTO items SELECT generate_series(1, 10)",
  "000002_body.up.sql": `UPDATE items SET n = n + 1; SELECT ${gate(1)}; CREATE INDEX items_n ON items (n)`,
};

let cluster: Cluster;
let options: ClusterOptions;

beforeAll(async () => {
  options = { folder, port: await findFreePort(), durable: false };
  cluster = await startCluster(options);
  process.env["HEADGATE_TEST_DATABASE_URL"] = cluster.url;
});
afterEach(removeScenes);
afterAll(async () => {
  await removeScenes();
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("a server that restarts in the middle of a migration", () => {
  it.each([
    ["in an orderly way", undefined],
    ["as after a crash", AbortSignal.abort()],
  ])("%s is waited for, and the run goes on to its end", async (_how, atOnce) => {
    const undisturbed = await undisturbedOutcome(files);
    const scene = await createScene(files);
    const hold = await scene.hold(holdGate(1));
    const runner = scene.startUp();
    await scene.waitUntilStuck(runner);
    const other = scene.startUp();
    await other.waitForOutput("waiting for the migration lock");
    await cluster.stop(atOnce === undefined ? {} : { atOnce });
    await runner.waitForOutput("waiting for PostgreSQL");
    await hold.letGo();
    cluster = await startCluster(options);
    const ends = await Promise.all([runner.ended, other.ended]);
    expect(ends.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
      { code: 0, stderr: expect.stringContaining("was lost") },
      { code: 0, stderr: expect.stringContaining("was lost") },
    ]);
    expect(await scene.outcome()).toEqual(undisturbed);
    expect(await heal(scene)).toEqual(undisturbed);
  });

  it("and does not come back in time ends the run with 4, and no migration with 6", async () => {
    const scene = await createScene(files);
    const hold = await scene.hold(holdGate(1));
    const runner = scene.startUp({ WAIT_TIMEOUT: "1s" });
    await scene.waitUntilStuck(runner);
    await cluster.stop();
    const end = await runner.ended;
    await hold.letGo();
    cluster = await startCluster(options);
    expect(end).toMatchObject({ code: 4, stderr: expect.stringContaining("was not ready within 1 s") });
    expect(end.stdout).toContain("1 migration applied, 000002_body failed");
    expect(await scene.up()).toMatchObject({ code: 0 });
  });

  it.each([
    ["of a migration in a transaction", ""],
    ["of one outside a transaction", "-- migrate: no-transaction\n"],
  ])("twice at the same place %s is not tried a third time: 6", async (_what, directive) => {
    const scene = await createScene({
      "000001_base.up.sql": "CREATE TABLE items (n int)",
      "000002_crash.up.sql": `${directive}SELECT pg_sleep(600)`,
    });
    const runner = scene.startUp();
    const first = await scene.waitUntilStuck(runner, "PgSleep");
    process.kill(first, "SIGKILL");
    const second = await waitForCondition("the second attempt", async () => {
      const pid = await scene.waitUntilStuck(runner, "PgSleep").catch(() => first);
      return pid === first ? undefined : pid;
    });
    process.kill(second, "SIGKILL");
    expect(await runner.ended).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/000002_crash failed: .*it may be what crashes the server/),
    });
    await waitForCondition("the server", async () =>
      scene.database.query("SELECT").then(
        () => true,
        () => false,
      ),
    );
    const names = await scene.database.query(
      "SELECT name FROM schema_migrations WHERE name <> '000001_base'",
    );
    expect(names).toEqual([]);
  });
});
