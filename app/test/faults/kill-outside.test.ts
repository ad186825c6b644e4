import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { die, dieAndHeal, heal } from "./support/die-and-heal.ts";
import {
  createScene,
  gate,
  holdGate,
  removeScenes,
  undisturbedOutcome,
  type Outcome,
  type Scene,
} from "./support/scene.ts";
import { takeTurns } from "./support/take-turns.ts";

takeTurns("together");

/** What is there before the first migration. */
const base = `
  CREATE TABLE steps (step int);
  CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
  INSERT INTO items SELECT g, g FROM generate_series(1, 1000) g`;

const indexed = `${base}; CREATE INDEX items_n ON items (n)`;

/** A statement of each sort between the gates; none of them can be done twice without leaving a trace. */
const statements = {
  "000001_gated.up.sql": `-- migrate: no-transaction
    SET myapp.step = '7';
    CREATE TYPE mood AS ENUM ('calm', 'cross');
    INSERT INTO steps SELECT 1 FROM ${gate(1)};
    CREATE TABLE boxes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item int REFERENCES items);
    INSERT INTO steps SELECT current_setting('myapp.step')::int FROM ${gate(2)};
    UPDATE items SET n = n + 1;
    INSERT INTO steps SELECT 3 FROM ${gate(3)};
    CREATE INDEX CONCURRENTLY items_n ON items (n);
    VACUUM items;
    INSERT INTO steps SELECT 4 FROM ${gate(4)}`,
  "000002_after.up.sql": "ALTER TABLE boxes ADD COLUMN note text; UPDATE items SET n = n + 10",
};

const build = {
  "000001_build.up.sql":
    "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY items_n ON items (n);\nINSERT INTO steps VALUES (2)",
};
const rebuild = {
  "000001_rebuild.up.sql":
    "-- migrate: no-transaction\nREINDEX INDEX CONCURRENTLY items_n;\nINSERT INTO steps VALUES (2)",
};
const removal = {
  "000001_removal.up.sql":
    "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY items_n;\nINSERT INTO steps VALUES (2)",
};

const batches = {
  "000001_backfill.up.sql": `-- migrate: repeat-until-zero
    UPDATE items SET n = n + 100000 WHERE id IN (SELECT id FROM items WHERE n < 100000 ORDER BY id LIMIT 100)`,
};

const block = {
  "000001_block.up.sql": `-- migrate: no-transaction
    DO $$ BEGIN UPDATE items SET n = n + 1; PERFORM ${gate(1)}; INSERT INTO steps VALUES (1); END $$;
    INSERT INTO steps SELECT 2 FROM ${gate(2)}`,
};

/** The same sort of thing asked for by way of node-pg-migrate's builder. */
const code = {
  "000001_code.ts": `// migrate: no-transaction
    import type { MigrationBuilder } from "node-pg-migrate";
    export const up = (pgm: MigrationBuilder): void => {
      pgm.createTable("boxes", { id: "id", item: { type: "int", references: "items" } });
      pgm.sql("INSERT INTO steps SELECT 1 FROM ${gate(1)}");
      pgm.createIndex("items", "n", { name: "items_n", method: "btree", concurrently: true });
      pgm.sql("INSERT INTO steps SELECT 2 FROM ${gate(2)}");
    };`,
};

/** Keeps CREATE INDEX CONCURRENTLY waiting before it reads the table, and after. */
const writer = "BEGIN; UPDATE items SET n = n WHERE id = 1";
const oldSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM steps";
const reader = "BEGIN; SELECT count(*) FROM items";

const lockRuns = "BEGIN; LOCK TABLE schema_migration_runs IN SHARE MODE";

afterEach(removeScenes);

describe("a runner killed outside a transaction", () => {
  let undisturbed: Outcome;
  beforeAll(async () => {
    undisturbed = await undisturbedOutcome(statements, base);
  });

  it.each([1, 2, 3, 4])(
    "at gate %d is followed by one that resumes there, and does nothing twice",
    async (number) => {
      const scene = await createScene(statements, base);
      const hold = await scene.hold(holdGate(number));
      expect(await dieAndHeal(scene, hold)).toEqual(undisturbed);
    },
  );

  it.each([1, 4])(
    "between the SQL of gate %d and its record is followed by one that does it again, once",
    async (number) => {
      const scene = await createScene(statements, base);
      const hold = await scene.hold(holdGate(number));
      const runner = scene.startUp();
      await scene.waitUntilStuck(runner, "advisory");
      const recordHold = await scene.hold(lockRuns);
      await hold.letGo();
      await scene.waitUntilStuck(runner, "relation");
      expect(await dieAndHeal(scene, recordHold, runner)).toEqual(undisturbed);
    },
  );

  it("before its last record, with every statement done, is followed by one that only finishes", async () => {
    const scene = await createScene(statements, base);
    const hold = await scene.hold(holdGate(4));
    const runner = scene.startUp();
    await scene.waitUntilStuck(runner, "advisory");
    const names = await scene.hold("BEGIN; LOCK TABLE schema_migrations IN SHARE MODE");
    await hold.letGo();
    await scene.waitUntilStuck(runner, "relation");
    expect(await dieAndHeal(scene, names, runner)).toEqual(undisturbed);
  });
});

describe("a runner killed in a block", () => {
  it("does not let the block take effect twice", async () => {
    const undisturbed = await undisturbedOutcome(block, base);
    const scene = await createScene(block, base);
    const hold = await scene.hold(holdGate(1));
    const runner = scene.startUp();
    await scene.waitUntilStuck(runner, "advisory");
    const recordHold = await scene.hold(lockRuns);
    await hold.letGo();
    await scene.waitUntilStuck(runner, "relation");
    expect(await dieAndHeal(scene, recordHold, runner)).toEqual(undisturbed);
  });
});

describe("a runner killed during an index build", () => {
  let undisturbed: Outcome;
  beforeAll(async () => {
    undisturbed = await undisturbedOutcome(build, base);
  });

  it.each([
    ["for writers", writer],
    ["for old snapshots", oldSnapshot],
  ])("that waits %s leaves an INVALID index, which the next one builds again", async (_what, sql) => {
    const scene = await createScene(build, base);
    const hold = await scene.hold(sql);
    await die(scene, scene.startUp());
    await expect(indexesOf(scene)).resolves.toEqual([{ name: "items_n", valid: false }]);
    await hold.letGo();
    expect(await heal(scene)).toEqual(undisturbed);
  });

  it("that is finished and not recorded is followed by one that sees this, also when that one is killed too", async () => {
    const scene = await createScene(build, base);
    const snapshot = await scene.hold(oldSnapshot);
    const runner = scene.startUp();
    await scene.waitUntilStuck(runner, "virtualxid");
    const record = await scene.hold(lockRuns);
    await snapshot.letGo();
    await scene.waitUntilStuck(runner, "relation");
    await die(scene, runner);
    await record.letGo();
    await expect(indexesOf(scene)).resolves.toEqual([{ name: "items_n", valid: true }]);

    // The second is killed when its record exists and says nothing yet about the statement.
    await scene.database.query(
      `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM ${gate(8)}; RETURN NEW; END';
       CREATE TRIGGER wait BEFORE UPDATE ON schema_migration_runs FOR EACH ROW EXECUTE FUNCTION wait()`,
    );
    const hold = await scene.hold(holdGate(8));
    await die(scene, scene.startUp());
    await hold.letGo();
    await scene.database.query("DROP TRIGGER wait ON schema_migration_runs; DROP FUNCTION wait()");
    expect(await heal(scene)).toEqual(undisturbed);
  });

  it("and then in the removal of the INVALID index is followed by one that builds it after all", async () => {
    const scene = await createScene(build, base);
    const snapshot = await scene.hold(oldSnapshot);
    await die(scene, scene.startUp());
    await snapshot.letGo();
    const reading = await scene.hold(reader);
    const second = scene.startUp();
    await scene.waitUntilStuck(second, "virtualxid");
    await expect(queryOf(scene, second.pid)).resolves.toMatch(/^DROP INDEX CONCURRENTLY/);
    expect(await dieAndHeal(scene, reading, second)).toEqual(undisturbed);
  });

  it("of REINDEX leaves no companion behind", async () => {
    const expected = await undisturbedOutcome(rebuild, indexed);
    const scene = await createScene(rebuild, indexed);
    const hold = await scene.hold(oldSnapshot);
    await die(scene, scene.startUp());
    await expect(indexesOf(scene)).resolves.toContainEqual({ name: "items_n_ccnew", valid: false });
    await hold.letGo();
    expect(await heal(scene)).toEqual(expected);
  });

  it("and one in DROP INDEX CONCURRENTLY is finished by the next", async () => {
    const expected = await undisturbedOutcome(removal, indexed);
    const scene = await createScene(removal, indexed);
    const hold = await scene.hold(reader);
    expect(await dieAndHeal(scene, hold)).toEqual(expected);
  });
});

describe("a runner killed in a TypeScript migration outside a transaction", () => {
  it.each([
    ["at its first gate", holdGate(1)],
    ["in its concurrent index build", oldSnapshot],
    ["at its last gate", holdGate(2)],
  ])("%s is followed by one that resumes there, and does nothing twice", async (_where, sql) => {
    const undisturbed = await undisturbedOutcome(code, base);
    const scene = await createScene(code, base);
    const hold = await scene.hold(sql);
    expect(await dieAndHeal(scene, hold)).toEqual(undisturbed);
  });
});

describe("a runner killed during a batch", () => {
  it.each([50, 950])(
    "(of row %d) is followed by one that goes on with that batch and counts no row twice",
    async (row) => {
      const undisturbed = await undisturbedOutcome(batches, base);
      const scene = await createScene(batches, base);
      const hold = await scene.hold(`BEGIN; SELECT FROM items WHERE id = ${row} FOR UPDATE`);
      await die(scene, scene.startUp());
      const done = await scene.database.query("SELECT count(*)::int AS count FROM items WHERE n > 100000");
      expect(done).toEqual([{ count: Math.floor(row / 100) * 100 }]);
      await hold.letGo();
      expect(await heal(scene)).toEqual(undisturbed);
    },
  );
});

describe("a runner killed while it makes the ledger", () => {
  it.each(["CREATE TABLE", "CREATE INDEX", "COMMENT"])(
    "at %s is followed by one that makes all of it",
    async (tag) => {
      const undisturbed = await undisturbedOutcome(build, base);
      const scene = await createScene(build, base);
      await scene.database.query(
        `CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM ${gate(7)}; END';
       CREATE EVENT TRIGGER wait ON ddl_command_start WHEN tag IN ('${tag}') EXECUTE FUNCTION wait()`,
      );
      const hold = await scene.hold(holdGate(7));
      const runner = scene.startUp();
      await scene.waitUntilStuck(runner, "advisory");
      await die(scene, runner);
      await hold.letGo();
      await scene.database.query("DROP EVENT TRIGGER wait; DROP FUNCTION wait()");
      expect(await heal(scene)).toEqual(undisturbed);
    },
  );
});

afterAll(removeScenes);

async function indexesOf({ database }: Scene): Promise<unknown> {
  return await waitForCondition("the indexes", async () =>
    database.query(
      "SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'items'::regclass AND NOT i.indisprimary ORDER BY 1",
    ),
  );
}

async function queryOf({ database }: Scene, pid: number): Promise<unknown> {
  const rows = await database.query(
    "SELECT query FROM pg_stat_activity WHERE application_name LIKE 'headgate migrate%:' || $1 AND wait_event_type = 'Lock'",
    [String(pid)],
  );
  return rows[0]?.["query"];
}
