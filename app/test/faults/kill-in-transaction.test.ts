import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  createScene,
  gate,
  holdGate,
  removeScenes,
  undisturbedOutcome,
  type Outcome,
  type Scene,
} from "./support/scene.ts";
import { die, dieAndHeal } from "./support/die-and-heal.ts";
import { takeTurns } from "./support/take-turns.ts";

takeTurns("together");

/** Every statement but the gates makes something that a second run of it would trip over or count twice. */
const files = {
  "000001_base.up.sql":
    "CREATE TABLE steps (step int); CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL DEFAULT 0); INSERT INTO items SELECT g FROM generate_series(1, 200) g",
  "000002_gated.up.sql": `
    CREATE TYPE mood AS ENUM ('calm', 'cross');
    INSERT INTO steps SELECT 1 FROM ${gate(1)};
    CREATE TABLE boxes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mood mood NOT NULL DEFAULT 'calm', item int REFERENCES items);
    INSERT INTO steps SELECT 2 FROM ${gate(2)};
    UPDATE items SET n = n + 1;
    INSERT INTO steps SELECT 3 FROM ${gate(3)};
    CREATE INDEX boxes_item ON boxes (item);
    CREATE VIEW full_boxes AS SELECT * FROM boxes WHERE item IS NOT NULL;
    CREATE FUNCTION pass_gate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM ${gate(9)}; RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON steps DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pass_gate();
    INSERT INTO steps SELECT 4 FROM ${gate(4)}`,
  "000003_after.up.sql": "ALTER TABLE boxes ADD COLUMN note text; UPDATE items SET n = n + 10",
};

const code = {
  "000001_base.up.sql": files["000001_base.up.sql"],
  "000002_code.ts": `
    export async function up(pgm: any): Promise<void> {
      await pgm.db.query("INSERT INTO steps SELECT 1 FROM ${gate(1)}");
      pgm.createTable("boxes", { id: "id", note: "text" });
      pgm.sql("INSERT INTO steps SELECT 2 FROM ${gate(2)}");
      pgm.createIndex("boxes", "note");
    }`,
  "000003_after.up.sql": files["000003_after.up.sql"].replace("ADD COLUMN note", "ADD COLUMN more"),
};

const whole = { code: 0, signal: undefined };

describe("a runner killed in a transaction", () => {
  let undisturbed: Outcome;
  beforeAll(async () => {
    undisturbed = await undisturbedOutcome(files);
  });
  afterEach(removeScenes);
  afterAll(removeScenes);

  it.each([1, 2, 3, 4])(
    "leaves nothing of the migration behind at its gate %d, and the next run does it all",
    async (number) => {
      const scene = await createScene(files);
      const hold = await scene.hold(holdGate(number));
      expect(await dieAndHeal(scene, hold)).toEqual(undisturbed);
    },
  );

  it.each([
    ["the run's own record", "schema_migration_runs"],
    ["the name of what is applied", "schema_migrations"],
  ])("and so it does between the SQL and %s", async (_what, table) => {
    const scene = await createScene(files);
    expect(await scene.up({}, "-n", "1")).toMatchObject(whole);
    const hold = await scene.hold(`BEGIN; LOCK TABLE ${table} IN SHARE MODE`);
    expect(await dieAndHeal(scene, hold)).toEqual(undisturbed);
  });

  it("and so it does while triggers that waited for COMMIT run behind the migration", async () => {
    const scene = await createScene(files);
    const hold = await scene.hold(holdGate(9));
    const runner = scene.startUp();
    await scene.waitUntilStuck(runner);
    await expect(statementOf(scene, runner.pid)).resolves.toMatch(/SET CONSTRAINTS ALL IMMEDIATE/);
    expect(await dieAndHeal(scene, hold, runner)).toEqual(undisturbed);
  });
});

describe("a runner killed in a TypeScript migration", () => {
  afterEach(removeScenes);

  it.each([
    [1, "in its function"],
    [2, "in what it collected"],
  ])("(gate %d, %s) leaves nothing behind, and the next run does it all", async (number) => {
    const expected = await undisturbedOutcome(code);
    const scene = await createScene(code);
    const hold = await scene.hold(holdGate(number));
    expect(await dieAndHeal(scene, hold)).toEqual(expected);
  });
});

describe("a runner killed in the middle of a long statement", () => {
  afterEach(removeScenes);

  it("is noticed by the server, which rolls back and frees the lock for the next one", async () => {
    const scene = await createScene({
      "000001_long.up.sql": "CREATE TABLE half_done (); SELECT pg_sleep(600)",
    });
    const runner = scene.startUp();
    await die(scene, runner, "PgSleep");
    writeFileSync(join(scene.folder, "000001_long.up.sql"), "CREATE TABLE half_done ()");
    expect(await scene.up()).toMatchObject(whole);
  });
});

async function statementOf({ database }: Scene, pid: number): Promise<unknown> {
  const rows = await database.query(
    "SELECT query FROM pg_stat_activity WHERE application_name LIKE 'headgate migrate%:' || $1 AND wait_event_type = 'Lock'",
    [String(pid)],
  );
  return rows[0]?.["query"];
}
