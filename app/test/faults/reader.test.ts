import { afterAll, afterEach, describe, expect, it } from "@jest/globals";
import { withTestSession, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { report } from "./support/report.ts";
import { createScene, removeScenes } from "./support/scene.ts";
import { takeTurns } from "./support/take-turns.ts";

takeTurns("together");

const lockTimeout = 500;

afterEach(removeScenes);
afterAll(removeScenes);

/** Reads the table again and again until it is told to stop; returns the longest wait in milliseconds. */
async function probe({ address }: TestDatabase, isOver: () => boolean): Promise<number> {
  return await withTestSession(address, async ({ client }) => {
    let longest = 0;
    while (!isOver()) {
      const started = performance.now();
      await client.query("SELECT count(*) FROM busy");
      longest = Math.max(longest, performance.now() - started);
    }
    return longest;
  });
}

describe("a migration of a table that somebody reads for long", () => {
  it("keeps nobody waiting for longer than lock_timeout, names who is in its way, and succeeds by itself afterwards", async () => {
    const scene = await createScene(
      { "000001_column.up.sql": "ALTER TABLE busy ADD COLUMN note text" },
      "CREATE TABLE busy (n int)",
    );
    const reader = await scene.hold("BEGIN; SELECT count(*) AS long_report FROM busy");
    let isOver = false;
    const longest = probe(scene.database, () => isOver);
    const runner = scene.startUp({ MIGRATE_LOCK_TIMEOUT: `${lockTimeout}ms` });
    // Three attempts have come and gone, and readers have passed between them.
    await waitForCondition("three attempts", () => (runner.stderr().match(/\[55P03\]/g)?.length ?? 0) >= 3, {
      timeout: 30_000,
    });
    await reader.letGo();
    const end = await runner.ended;
    isOver = true;
    const milliseconds = await longest;
    report(`longest wait of a reader, with lock_timeout ${lockTimeout} ms`, milliseconds);
    expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining("applied 000001_column") });
    // It was in the way of the probe at all, and never for long.
    expect(milliseconds).toBeGreaterThan(lockTimeout / 2);
    expect(milliseconds).toBeLessThan(lockTimeout + 500);

    const blocked = end.stderr
      .split("\n")
      .filter((line) => line.includes('"blockers"'))
      .map((line) => JSON.parse(line) as { blockers: unknown[]; message: string });
    expect(blocked[0]).toMatchObject({
      migration: "000001_column",
      blockers: [
        {
          pid: reader.session.backendPid,
          state: "idle in transaction",
          query: expect.stringContaining("long_report"),
          age: expect.any(Number),
        },
      ],
    });
    expect(blocked[0]?.message).toContain(`pid ${reader.session.backendPid} (idle in transaction`);
    const attempts = await scene.database.query(
      "SELECT attempts FROM schema_migration_runs WHERE name = '000001_column'",
    );
    expect(Number(attempts[0]?.["attempts"])).toBeGreaterThan(3);
  });
});
