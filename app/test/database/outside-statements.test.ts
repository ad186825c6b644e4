import { describe, expect, it } from "@jest/globals";
import type { Scene } from "./hostile/hostile-case.ts";
import { migrate, withScene, writeFiles } from "./hostile/perform.ts";
import { withTestSession } from "../support/test-database.ts";

const outside = "-- migrate: no-transaction\n";

/** The tables that a test makes by itself are no reason to refuse. */
const up = async (scene: Scene): ReturnType<typeof migrate> =>
  await migrate(scene, ["up", "--yes"], { MIGRATE_NONEMPTY_DATABASE: "allow" });

/** As a run is left that was killed in the statement of this number, from 0, or behind it and before its record. */
async function asKilledIn({ database }: Scene, statement: number): Promise<void> {
  await database.query(
    `DELETE FROM schema_migrations WHERE name = '000001_case';
     UPDATE schema_migration_runs SET state = 'running', ending = NULL, finished_at = NULL, error = NULL, statements_done = ${statement},
            statement_started = ${statement} WHERE id = (SELECT max(id) FROM schema_migration_runs)`,
  );
}

const parts = `CREATE TABLE parts (id int) PARTITION BY RANGE (id);
  CREATE TABLE low PARTITION OF parts FOR VALUES FROM (0) TO (10);
  CREATE TABLE high PARTITION OF parts FOR VALUES FROM (10) TO (20);
  CREATE INDEX parts_id ON parts (id);`;
const attached =
  "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'parts'::regclass ORDER BY 1";
const inPlace = "SET allow_in_place_tablespaces = on;\n";
const subscribed = `CREATE SUBSCRIPTION "NAME" CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE, enabled = false);`;

interface Case {
  readonly title: string;
  /** Run before, by hand. */
  readonly setup?: string;
  /** What the file sets before the statement. */
  readonly before?: string;
  /** NAME is a name that no other test has. */
  readonly statement: string;
  /** Takes away what does not go with the database. */
  readonly tidy?: string;
  readonly says?: string;
}

const finished = "was finished by the interrupted run";

/** One for each row of the table of such statements. */
const cases: Case[] = [
  { title: "VACUUM", setup: "CREATE TABLE t ();", statement: "VACUUM t" },
  { title: "CLUSTER of everything", statement: "CLUSTER" },
  { title: "CLUSTER of a partitioned table", setup: parts, statement: "CLUSTER parts USING parts_id" },
  { title: "REINDEX SCHEMA", statement: "REINDEX SCHEMA public" },
  { title: "REINDEX of a partitioned table", setup: parts, statement: "REINDEX TABLE parts" },
  { title: "REINDEX of a partitioned index", setup: parts, statement: "REINDEX INDEX parts_id" },
  { title: "REINDEX CONCURRENTLY", setup: parts, statement: "REINDEX TABLE CONCURRENTLY parts" },
  {
    title: "CREATE INDEX CONCURRENTLY",
    setup: "CREATE TABLE t (v int);",
    statement: "CREATE INDEX CONCURRENTLY t_v ON t (v)",
    says: finished,
  },
  {
    title: "DROP INDEX CONCURRENTLY",
    setup: "CREATE TABLE t (v int); CREATE INDEX t_v ON t (v);",
    statement: "DROP INDEX CONCURRENTLY t_v",
    says: finished,
  },
  {
    title: "DETACH PARTITION CONCURRENTLY",
    setup: parts,
    statement: "ALTER TABLE parts DETACH PARTITION low CONCURRENTLY",
    says: finished,
  },
  {
    title: "CREATE DATABASE",
    statement: 'CREATE DATABASE "NAME"',
    tidy: 'DROP DATABASE "NAME"',
    says: finished,
  },
  {
    title: "DROP DATABASE",
    before: 'CREATE DATABASE "NAME";\n',
    statement: 'DROP DATABASE "NAME"',
    says: finished,
  },
  {
    title: "ALTER DATABASE SET TABLESPACE",
    before: 'CREATE DATABASE "NAME";\n',
    statement: 'ALTER DATABASE "NAME" SET TABLESPACE pg_default',
    tidy: 'DROP DATABASE "NAME"',
  },
  {
    title: "CREATE TABLESPACE",
    before: inPlace,
    statement: `CREATE TABLESPACE "NAME" LOCATION ''`,
    tidy: 'DROP TABLESPACE "NAME"',
    says: finished,
  },
  {
    title: "DROP TABLESPACE",
    before: `${inPlace}CREATE TABLESPACE "NAME" LOCATION '';\n`,
    statement: 'DROP TABLESPACE "NAME"',
    says: finished,
  },
  { title: "ALTER SYSTEM", statement: "ALTER SYSTEM RESET log_min_duration_sample" },
  { title: "CREATE SUBSCRIPTION", statement: subscribed, tidy: 'DROP SUBSCRIPTION "NAME"', says: finished },
  {
    title: "DROP SUBSCRIPTION",
    before: subscribed,
    statement: 'DROP SUBSCRIPTION "NAME"',
    says: finished,
  },
  {
    title: "ALTER SUBSCRIPTION ADD PUBLICATION",
    before: subscribed,
    statement: 'ALTER SUBSCRIPTION "NAME" ADD PUBLICATION q WITH (refresh = false)',
    tidy: 'DROP SUBSCRIPTION "NAME"',
    says: finished,
  },
  {
    title: "ALTER SUBSCRIPTION DROP PUBLICATION",
    before: `${subscribed}ALTER SUBSCRIPTION "NAME" ADD PUBLICATION q WITH (refresh = false);`,
    statement: 'ALTER SUBSCRIPTION "NAME" DROP PUBLICATION p WITH (refresh = false)',
    tidy: 'DROP SUBSCRIPTION "NAME"',
    says: finished,
  },
  { title: "DISCARD ALL", statement: "DISCARD ALL" },
];

describe("a statement that PostgreSQL refuses in a transaction", () => {
  it.each(cases)(
    "is recognised or repeated when it was finished and not recorded: $title",
    async ({ setup, before = "", statement, tidy, says }) => {
      await withScene(async (scene) => {
        const named = (text: string): string => text.replaceAll("NAME", `headgate_${scene.database.name}`);
        if (setup !== undefined) await scene.database.query(setup);
        writeFiles(scene.folder, {
          "000001_case.up.sql": named(
            `${outside}CREATE TABLE first ();\n${before}${statement};\nCREATE TABLE last ();\n`,
          ),
        });
        try {
          expect(await up(scene)).toEqual({ code: 0, output: expect.any(String) });
          const index = named(before).split(";").length;
          await scene.database.query("DROP TABLE last");
          await asKilledIn(scene, index);
          const { code, output } = await up(scene);
          expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
          expect(output).toContain(says ?? "");
          expect(await scene.database.query("SELECT 1 AS one FROM last")).toEqual([]);
        } finally {
          if (tidy !== undefined) await scene.database.query(named(tidy)).catch(() => undefined);
        }
      });
    },
  );

  it("is COMMIT PREPARED: when the transaction is gone, it was finished", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_case.up.sql": `${outside}CREATE TABLE first ();\nCOMMIT PREPARED 'x';\n`,
      });
      expect(await up(scene)).toMatchObject({ code: 6 });
      await asKilledIn(scene, 1);
      expect(await up(scene)).toMatchObject({ code: 0, output: expect.stringContaining(finished) });
    });
  });

  it("is finished with FINALIZE when it was cut off while it detached a partition", async () => {
    await withScene(async (scene) => {
      await scene.database.query(parts);
      writeFiles(scene.folder, {
        "000001_case.up.sql": `-- migrate: statement-timeout=300ms\n${outside}ALTER TABLE parts DETACH PARTITION low CONCURRENTLY;\nCREATE TABLE last ();\n`,
      });
      await withTestSession(scene.database.address, async ({ client }) => {
        await client.query("BEGIN; SELECT FROM parts");
        expect(await up(scene)).toMatchObject({ code: 6 });
        await client.query("COMMIT");
      });
      expect(
        await scene.database.query(
          "SELECT inhdetachpending AS pending FROM pg_inherits WHERE inhrelid = 'low'::regclass",
        ),
      ).toEqual([{ pending: true }]);
      expect(await up(scene)).toMatchObject({
        code: 0,
        output: expect.stringContaining('ALTER TABLE "parts" DETACH PARTITION "low" FINALIZE'),
      });
      expect(await scene.database.query(attached)).toEqual([{ name: "high" }]);
    });
  });

  it("is not taken for finished when a database of that name is what an interrupted DROP has left", async () => {
    await withScene(async (scene) => {
      const name = `headgate_${scene.database.name}`;
      writeFiles(scene.folder, {
        "000001_case.up.sql": `${outside}CREATE TABLE first ();\nCREATE DATABASE ${name};\n`,
      });
      try {
        expect(await up(scene)).toMatchObject({ code: 0 });
        await scene.database.query(`UPDATE pg_database SET datconnlimit = -2 WHERE datname = '${name}'`);
        await asKilledIn(scene, 1);
        expect(await up(scene)).toMatchObject({ code: 6, output: expect.stringContaining("42P04") });
      } finally {
        await scene.database.query(`DROP DATABASE IF EXISTS ${name}`);
      }
    });
  });

  it("names the command that settles it when it can be neither recognised nor repeated", async () => {
    await withScene(async (scene) => {
      await scene.database.query(
        "CREATE TABLE n (v int); INSERT INTO n VALUES (1); CREATE PROCEDURE more() LANGUAGE plpgsql AS $$ BEGIN UPDATE n SET v = v + 1; COMMIT; PERFORM 1 / (v - 2) FROM n; END $$",
      );
      const file = "CREATE TABLE first ();\nCALL more();\nCREATE TABLE last ();\n";
      writeFiles(scene.folder, { "000001_case.up.sql": outside + file });
      expect(await up(scene)).toMatchObject({ code: 6 });
      const refused = await up(scene);
      expect(refused).toMatchObject({
        code: 7,
        output: expect.stringContaining("Statement 2 of 000001_case (CALL) commits by itself"),
      });
      expect(refused.output).toContain("`migrate repair 000001_case --as applied` or `--as pending`");
      await asKilledIn(scene, 1);
      expect(await up(scene)).toMatchObject({ code: 7 });
      expect(await scene.database.query("SELECT v FROM n")).toEqual([{ v: 2 }]);
      writeFiles(scene.folder, {
        "000001_case.up.sql": `-- migrate: repeatable-statements it may count twice\n${outside}${file}`,
      });
      expect(await up(scene)).toMatchObject({
        code: 0,
        output: expect.stringContaining("runs again from its beginning (it may count twice)"),
      });
      expect(await scene.database.query("SELECT v FROM n")).toEqual([{ v: 3 }]);
    });
  });
});

describe("what an interrupted REINDEX CONCURRENTLY leaves", () => {
  const long = "a_name_that_is_so_long_that_postgresql_must_cut_it_behind_this";

  it.each([
    ["of a partitioned table, on a partition", parts, "TABLE", "parts", "low_id_idx"],
    ["of a partitioned index, on a partition", parts, "INDEX", "parts_id", "low_id_idx"],
    [
      "under a name that was cut",
      `CREATE TABLE t (v text); CREATE INDEX ${long} ON t (v);`,
      "INDEX",
      long,
      long,
    ],
    ["of the database", "CREATE TABLE t (v text); CREATE INDEX t_v ON t (v);", "DATABASE", "", "t_v"],
  ])("is dropped: %s", async (_where, setup, kind, name, victim) => {
    await withScene(async (scene) => {
      await scene.database.query(setup);
      const target = `"${name === "" ? scene.database.name : name}"`;
      // The carcass, as PostgreSQL names it: an index of that name that is not valid.
      const companion = `${victim.slice(0, 63 - "_ccold".length)}_ccold`;
      const of = victim === "low_id_idx" ? "low (id)" : "t (v)";
      await scene.database.query(
        `CREATE INDEX ${companion} ON ${of}; UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${companion}'::regclass`,
      );
      writeFiles(scene.folder, {
        "000001_case.up.sql": `${outside}REINDEX ${kind} CONCURRENTLY ${target};\n`,
      });
      const { code, output } = await up(scene);
      expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
      expect(
        await scene.database.query("SELECT relname FROM pg_class WHERE relname ~ '_cc(old|new)'"),
      ).toEqual([]);
    });
  });

  it("is dropped on the table of its large values (TOAST)", async () => {
    await withScene(async (scene) => {
      await scene.database.query("CREATE TABLE t (v text)");
      writeFiles(scene.folder, {
        "000001_case.up.sql": `-- migrate: statement-timeout=300ms\n${outside}REINDEX TABLE CONCURRENTLY t;\n`,
      });
      await withTestSession(scene.database.address, async ({ client }) => {
        await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM t");
        expect(await up(scene)).toMatchObject({ code: 6 });
        await client.query("COMMIT");
      });
      const leftovers = "SELECT relname FROM pg_class WHERE relname ~ '_cc(old|new)'";
      expect(await scene.database.query(leftovers)).toHaveLength(1);
      expect(await up(scene)).toMatchObject({
        code: 0,
        output: expect.stringMatching(/dropped pg_toast\.pg_toast_\d+_index_ccnew: INVALID/),
      });
      expect(await scene.database.query(leftovers)).toEqual([]);
    });
  });
});
