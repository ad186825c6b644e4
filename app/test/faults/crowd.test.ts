import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { Cluster } from "../../../scripts/embedded-postgres/cluster.ts";
import { startProgram, type ProgramEnd } from "../support/run-program.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { followLog, startOwnCluster } from "./support/own-cluster.ts";
import { report } from "./support/report.ts";
import { createScene, removeScenes, type Scene } from "./support/scene.ts";
import { takeTurns } from "./support/take-turns.ts";

takeTurns("alone");

const crowd = 50;
const bigTable = "CREATE TABLE big (id int); INSERT INTO big SELECT generate_series(1, 1000000)";
const bigIndex = "CREATE INDEX CONCURRENTLY big_id ON big (id)";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startOwnCluster();
});
afterEach(removeScenes);
afterAll(async () => {
  await removeScenes();
  await cluster.stop();
});

/** A hundred migrations; the fiftieth makes a big table, and the one after it an index on that. */
function hundredMigrations(): Record<string, string> {
  const files: Record<string, string> = {};
  for (let number = 1; number <= 100; number++) {
    const text =
      number === 50
        ? bigTable
        : number === 51
          ? `-- migrate: no-transaction\n${bigIndex}`
          : `CREATE TABLE t${number} (id int PRIMARY KEY)`;
    files[`${String(number).padStart(6, "0")}_step.up.sql`] = text;
  }
  return files;
}

async function runCrowd(scene: Scene): Promise<ProgramEnd[]> {
  const started = performance.now();
  const ends = await Promise.all(Array.from({ length: crowd }, async () => await scene.up()));
  report(`${crowd} runners at once, until the last has ended`, performance.now() - started);
  return ends;
}

describe("fifty runners at once", () => {
  it("apply a hundred migrations exactly once, an index build among them, and nobody fails", async () => {
    const scene = await createScene(hundredMigrations());
    const log = followLog(cluster);
    const ends = await runCrowd(scene);
    expect(ends.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(ends.map(() => 0));

    const ledger = await scene.database.query(
      "SELECT name, (SELECT count(*)::int FROM schema_migration_runs r WHERE r.name = m.name) AS runs, (SELECT count(*)::int FROM schema_migrations o WHERE o.name = m.name) AS times FROM schema_migrations m ORDER BY name",
    );
    expect(ledger).toEqual(
      Array.from({ length: 100 }, (_, index) => ({
        name: `${String(index + 1).padStart(6, "0")}_step`,
        runs: 1,
        times: 1,
      })),
    );
    expect(
      await scene.database.query(
        "SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'big_id'::regclass",
      ),
    ).toEqual([{ valid: true }]);
    expect(log.read()).not.toMatch(/40P01|deadlock/);
    // Not a word of trouble at all.
    expect(
      log
        .read()
        .split("\n")
        .filter(
          (line) =>
            line.includes(` ${scene.database.name} `) &&
            /ERROR|FATAL|PANIC/.test(line) &&
            !/ 42P01 /.test(line),
        ),
    ).toEqual([]);
  }, 180_000);

  it("with nothing to do take no lock and write nothing", async () => {
    const scene = await createScene({ "000001_only.up.sql": "CREATE TABLE only_one ()" });
    expect(await scene.up()).toMatchObject({ code: 0 });
    await scene.database.query(`ALTER DATABASE ${scene.database.name} SET log_statement = 'all'`);
    const log = followLog(cluster);
    const ends = await runCrowd(scene);
    expect(ends.map(({ code, stdout }) => ({ code, stdout }))).toEqual(
      ends.map(() => ({ code: 0, stdout: "Nothing is pending; the schema is at 000001_only.\n" })),
    );
    const statements = log
      .read()
      .split("\n")
      .filter(
        (line) => line.includes(` ${scene.database.name} `) && /(?:statement|execute [^:]*):/.test(line),
      );
    // The log does show what was asked: each of them has read the ledger.
    expect(statements.filter((line) => line.includes("SELECT")).length).toBeGreaterThanOrEqual(crowd);
    expect(
      statements.filter((line) => /advisory|INSERT|UPDATE|DELETE|CREATE|ALTER|BEGIN/i.test(line)),
    ).toEqual([]);
  }, 120_000);
});

describe("the same with node-pg-migrate alone, whose waiters block", () => {
  it("hangs or fails, so that this test is known to be able to", async () => {
    const scene = await createScene({
      "000001_big.mjs": `export const up = (pgm) => pgm.sql(${JSON.stringify(bigTable)}); export const down = false;`,
      "000002_index.mjs": `export const up = (pgm) => { pgm.noTransaction(); pgm.sql(${JSON.stringify(bigIndex)}); }; export const down = false;`,
    });
    const log = followLog(cluster);
    const script = join(import.meta.dirname, "support", "stock-runner.mjs");
    const runners = Array.from({ length: 4 }, () =>
      startProgram(script, { args: [scene.database.url, scene.folder] }),
    );
    let ended = 0;
    const ends = Promise.all(runners.map(async (runner) => await runner.ended.finally(() => (ended += 1))));
    await waitForCondition("all of them", () => ended === runners.length, { timeout: 20_000 }).catch(
      () => undefined,
    );
    const hung = runners.length - ended;
    for (const runner of runners) runner.kill("SIGKILL");
    const failed = (await ends).filter(({ code }) => code !== undefined && code !== 0).length;
    expect({ hung, failed, wentWrong: hung + failed > 0 }).toMatchObject({ wentWrong: true });
    expect(log.read()).toMatch(/40P01|deadlock/);
  });
});
