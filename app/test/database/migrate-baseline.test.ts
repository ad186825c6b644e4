import { describe, expect, it } from "@jest/globals";
import { migrate, withScene, writeFiles } from "./hostile/perform.ts";

const files = {
  "000001_one.up.sql": "CREATE TABLE one (id int);",
  "000001_one.down.sql": "DROP TABLE one;",
  "000002_two.up.sql": "CREATE TABLE two (id int);",
  "000003_three.up.sql": "CREATE TABLE three (id int);",
};

const quiet = { LOG_LEVEL: "silent" };

/** How each tool leaves the history of a database where the first two migrations are applied. */
const histories: Readonly<Record<string, string>> = {
  "golang-migrate":
    "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (2, false)",
  dbmate:
    "CREATE TABLE schema_migrations (version varchar PRIMARY KEY); INSERT INTO schema_migrations VALUES ('000001'), ('000002')",
  flyway: `CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar, description varchar, type varchar, script varchar, checksum int, success boolean);
    INSERT INTO flyway_schema_history VALUES (1, '1', 'one', 'SQL', 'V1__one.sql', 1, true), (2, '2', 'two', 'SQL', 'V2__two.sql', 2, true)`,
  knex: `CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar, batch int, migration_time timestamptz);
    INSERT INTO knex_migrations (name, batch) VALUES ('000001_one.js', 1), ('000002_two.js', 1)`,
  prisma: `CREATE TABLE _prisma_migrations (id varchar PRIMARY KEY, migration_name varchar, finished_at timestamptz, rolled_back_at timestamptz);
    INSERT INTO _prisma_migrations VALUES ('a', '000001_one', now(), NULL), ('b', '000002_two', now(), NULL), ('c', '000003_three', NULL, now())`,
  "node-pg-migrate": `CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255), run_on timestamp);
    INSERT INTO pgmigrations (name, run_on) VALUES ('000001_one', now()), ('000002_two', now())`,
};

const applied = "SELECT array_agg(name ORDER BY id) AS names FROM schema_migrations";

describe("migrate baseline --adopt", () => {
  it.each(Object.entries(histories))(
    "takes over the history of %s and applies only what is left",
    async (tool, history) => {
      await withScene(async (scene) => {
        writeFiles(scene.folder, files);
        await scene.database.query(`CREATE TABLE one (id int); CREATE TABLE two (id int); ${history}`);
        expect(await migrate(scene, ["baseline", "--adopt", tool])).toMatchObject({
          code: 2,
          output: expect.stringContaining("000002_two"),
        });
        expect(await migrate(scene, ["baseline", "--adopt", tool, "--yes"], quiet)).toEqual({
          code: 0,
          output: "2 migrations recorded as applied; none was run.\n",
        });
        expect(await migrate(scene, ["up", "--yes"], quiet)).toMatchObject({
          code: 0,
          output: expect.stringMatching(/^applied 000003_three/),
        });
        expect(await scene.database.query(applied)).toEqual([
          { names: ["000001_one", "000002_two", "000003_three"] },
        ]);
        expect(await migrate(scene, ["check"], quiet)).toMatchObject({ code: 0 });
      });
    },
  );

  it("takes over alembic's when a file carries its revision or the version is said", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(
        "CREATE TABLE alembic_version (version_num varchar PRIMARY KEY); INSERT INTO alembic_version VALUES ('ae1027a6acf')",
      );
      expect(await migrate(scene, ["baseline", "--adopt", "alembic", "--yes"])).toMatchObject({
        code: 7,
        output: expect.stringContaining("ae1027a6acf"),
      });
      expect(
        await migrate(scene, ["baseline", "000002", "--adopt", "alembic", "--yes"], quiet),
      ).toMatchObject({ code: 0 });
      expect(await scene.database.query(applied)).toEqual([{ names: ["000001_one", "000002_two"] }]);
    });
  });

  it("keeps the other tool's table under another name when it stands where ours must be", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(histories["golang-migrate"]!);
      const { code, output } = await migrate(scene, ["up", "--yes"]);
      expect(code).toBe(7);
      expect(output).toContain("belongs to another tool (columns version, dirty)");
      expect(output).toContain("migrate baseline --adopt golang-migrate");
      await migrate(scene, ["baseline", "--adopt", "golang-migrate", "--yes"]);
      expect(
        await scene.database.query("SELECT version::int, dirty FROM schema_migrations_golang_migrate"),
      ).toEqual([{ version: 2, dirty: false }]);
    });
  });

  it.each([
    ["golang-migrate", "UPDATE schema_migrations SET dirty = true", "is marked dirty"],
    [
      "flyway",
      "UPDATE flyway_schema_history SET success = false WHERE version = '2'",
      "holds a failed migration",
    ],
    ["prisma", "UPDATE _prisma_migrations SET finished_at = NULL WHERE id = 'b'", "holds a failed migration"],
    ["dbmate", "INSERT INTO schema_migrations VALUES ('000009')", "this image has no file of: 000009"],
  ])("changes nothing when %s's history is not in order", async (tool, spoil, sentence) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(`${histories[tool]}; ${spoil}`);
      expect(await migrate(scene, ["baseline", "--adopt", tool, "--yes"])).toMatchObject({
        code: 7,
        output: expect.stringContaining(sentence),
      });
      expect(await scene.database.query("SELECT to_regclass('schema_migration_runs') AS ledger")).toEqual([
        { ledger: null },
      ]);
    });
  });

  it("says so when there is no such history, or no such tool", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      expect(await migrate(scene, ["baseline", "--adopt", "flyway", "--yes"])).toMatchObject({
        code: 7,
        output: expect.stringContaining("There is no history of flyway here"),
      });
      expect(await migrate(scene, ["baseline", "--adopt", "liquibase", "--yes"])).toMatchObject({ code: 2 });
      expect(await migrate(scene, ["baseline"])).toMatchObject({ code: 2 });
    });
  });
});

describe("migrate baseline VERSION", () => {
  it("records what is there already, and its down can be run later", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query("CREATE TABLE one (id int)");
      expect(await migrate(scene, ["baseline", "1", "--yes"], quiet)).toMatchObject({ code: 0 });
      expect(await migrate(scene, ["down", "-n", "1", "--yes"], quiet)).toMatchObject({ code: 0 });
      expect(await scene.database.query("SELECT to_regclass('one') AS one")).toEqual([{ one: null }]);
    });
  });
});
