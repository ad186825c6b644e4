import { afterAll, afterEach, describe, expect, it } from "@jest/globals";
import { runProgram } from "../support/run-program.ts";
import { findPgBouncer, startPgBouncer, type PgBouncer } from "./support/pgbouncer.ts";
import { report } from "./support/report.ts";
import { createScene, environmentOf, gate, holdGate, removeScenes, type Scene } from "./support/scene.ts";
import { die, heal } from "./support/die-and-heal.ts";
import { takeTurns } from "./support/take-turns.ts";
import { through } from "./support/unreliable-proxy.ts";

takeTurns("together");

const files = { "000001_gated.up.sql": `CREATE TABLE gated (); SELECT ${gate(1)}` };
const found = findPgBouncer();
const path = "path" in found ? found.path : "";
const when = "path" in found ? describe : describe.skip;

let pooler: PgBouncer | undefined;
afterEach(async () => {
  await removeScenes();
  await pooler?.stop();
  pooler = undefined;
});
afterAll(removeScenes);

async function pooled(scene: Scene, mode: "transaction" | "session", size: number): Promise<string> {
  pooler = await startPgBouncer(path, scene.database.address, mode, size);
  return through(pooler, scene.database.url);
}

when(`PgBouncer in between${"missing" in found ? ` (skipped: ${found.missing})` : ""}`, () => {
  it.each([1, 5])(
    "in transaction mode, with %d connections, is refused with 8 before anything is touched, and the message says what to do",
    async (size) => {
      const scene = await createScene(files);
      const started = performance.now();
      const end = await scene.up({ DATABASE_URL: await pooled(scene, "transaction", size) });
      report(`PgBouncer with ${size} connections is refused`, performance.now() - started);
      expect(performance.now() - started).toBeLessThan(15_000);
      expect(end).toMatchObject({ code: 8, stderr: expect.stringMatching(/pooler.*MIGRATE_DATABASE_URL/s) });
      expect(await scene.database.query("SELECT to_regclass('schema_migrations') AS ledger")).toEqual([
        { ledger: null },
      ]);
    },
  );

  it("in transaction mode is what migrate info tells", async () => {
    const scene = await createScene(files);
    const info = async (url: string): Promise<unknown> => {
      const env = { ...environmentOf(url, scene.folder) };
      const { stdout } = await runProgram("migrate", { args: ["info", "--json"], env });
      return (JSON.parse(stdout) as { pooled: boolean }).pooled;
    };
    expect(await info(await pooled(scene, "transaction", 5))).toBe(true);
    expect(await info(scene.database.url)).toBe(false);
  });

  it("in transaction mode is passed by with MIGRATE_DATABASE_URL", async () => {
    const scene = await createScene(files);
    const url = await pooled(scene, "transaction", 5);
    expect(await scene.up({ DATABASE_URL: url, MIGRATE_DATABASE_URL: scene.database.url })).toMatchObject({
      code: 0,
    });
  });

  it("in session mode migrates, even over the only connection it has", async () => {
    const scene = await createScene(files);
    expect(await scene.up({ DATABASE_URL: await pooled(scene, "session", 1) })).toMatchObject({ code: 0 });
  });

  it("in session mode migrates, and a killed runner is noticed", async () => {
    const scene = await createScene(files);
    const url = await pooled(scene, "session", 5);
    const hold = await scene.hold(holdGate(1));
    await die(scene, scene.startUp({ DATABASE_URL: url }));
    await hold.letGo();
    expect(await scene.up({ DATABASE_URL: url })).toMatchObject({ code: 0 });
    expect((await heal(scene)).applied).toEqual(["000001_gated"]);
  });
});
