import { describe, expect, it } from "@jest/globals";
import type { Scene } from "./hostile/hostile-case.ts";
import { migrate, withScene, writeFiles } from "./hostile/perform.ts";

const outside = "-- migrate: no-transaction\n";

/** The tables that a test makes by itself are no reason to refuse. */
const up = async (scene: Scene): ReturnType<typeof migrate> =>
  await migrate(scene, ["up", "--yes"], { MIGRATE_NONEMPTY_DATABASE: "allow" });

const base = "CREATE SCHEMA app; CREATE TABLE switch ();";
const tenant =
  "CREATE FUNCTION tenant() RETURNS text LANGUAGE sql AS $$ SELECT set_config('app.tenant', '7', false) $$";

/** The run stops behind the first statements, since a table is not there, and goes on when it is. */
async function stopped(first: string, second: string): Promise<{ code: number | undefined; output: string }> {
  let resumed = { code: undefined as number | undefined, output: "" };
  await withScene(async (scene) => {
    await scene.database.query(base);
    if (first.includes("tenant()")) await scene.database.query(tenant);
    writeFiles(scene.folder, {
      "000001_case.up.sql": `${outside}${first};\nALTER TABLE public.later ADD COLUMN v int;\n${second};\n`,
    });
    expect(await up(scene)).toMatchObject({ code: 6 });
    await scene.database.query("CREATE TABLE public.later ()");
    resumed = await up(scene);
  });
  return resumed;
}

describe("a run outside a transaction that is resumed", () => {
  it.each([
    [
      "a constant set_config",
      "SELECT pg_catalog.set_config('search_path', 'app', false)",
      "CREATE TABLE app.a (); DROP TABLE a",
    ],
    ["PREPARE", "PREPARE make AS INSERT INTO app.t VALUES (1)", "DEALLOCATE make"],
    ["SET", "SET search_path = app", "CREATE TABLE app.a (); DROP TABLE a"],
    ["what holds for a transaction alone", "DO $$ BEGIN SET LOCAL search_path = app; END $$", "SELECT 1"],
    ["nothing", "DO $$ BEGIN CREATE TABLE app.b (); END $$", "DROP TABLE app.b"],
  ])("goes on behind %s", async (_what, first, second) => {
    const setup = first.startsWith("PREPARE") ? `CREATE TABLE app.t (v int);\n${first}` : first;
    const { code, output } = await stopped(setup, second);
    expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
  });

  it.each([
    ["a setting of a block", "DO $$ BEGIN SET search_path = app; END $$", "setting search_path"],
    [
      "a set_config that is computed",
      "SELECT set_config('search_path', concat('a', 'pp'), false)",
      "setting search_path",
    ],
    ["a setting of its own from a function", "SELECT tenant()", "may have made a setting of its own"],
    [
      "a setting of its own from a block",
      "DO $$ BEGIN PERFORM set_config('app.x', '1', false); END $$",
      "may have made",
    ],
    ["a temporary table", "CREATE TEMPORARY TABLE t (v int)", "temporary t"],
    ["a cursor", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "cursor c"],
    ["an advisory lock", "SELECT pg_advisory_lock(1, 2)", "advisory lock 1 2"],
    [
      "a statement prepared by a block",
      "DO $$ BEGIN EXECUTE 'PREPARE p AS SELECT 1'; END $$",
      "prepared statement p",
    ],
  ])("stops with 7 behind %s", async (_what, first, says) => {
    const { code, output } = await stopped(first, "SELECT 1");
    expect({ code, output }).toEqual({ code: 7, output: expect.stringContaining(says) });
    expect(output).toContain("`migrate repair 000001_case --as applied` or `--as pending`");
  });

  it("goes on when the temporary table is gone again", async () => {
    const { code, output } = await stopped("CREATE TEMPORARY TABLE t (v int);\nDROP TABLE t", "SELECT 1");
    expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
  });
});
