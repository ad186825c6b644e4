import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { Files, Scene } from "./hostile/hostile-case.ts";
import { migrate, withScene, writeFiles } from "./hostile/perform.ts";

const quiet = { LOG_LEVEL: "silent" };

const files = {
  "000001_account.up.sql": "CREATE TABLE account (id int);",
  "000002_more.up.sql": "ALTER TABLE account ADD COLUMN name text;",
};

const noLedger = [{ ledger: null }];

async function ledger({ database }: Scene): Promise<unknown> {
  return await database.query("SELECT to_regclass('schema_migrations')::text AS ledger");
}

/** Every command that says what would run must say the same of this database. */
async function expectRefusal(scene: Scene, sentences: readonly string[]): Promise<void> {
  for (const words of [["up", "--yes"], ["up", "--dry-run"], ["plan"], ["sql"], ["check"]]) {
    const { code, output } = await migrate(scene, words);
    expect([words.join(" "), code]).toEqual([words.join(" "), 7]);
    for (const sentence of sentences) expect(output).toContain(sentence);
  }
  const { output } = await migrate(scene, ["status", "--json"], quiet);
  expect(JSON.parse(output)).toMatchObject({
    conflicts: [{ message: expect.stringContaining(sentences[0]!) }],
  });
  expect(await ledger(scene)).toEqual(noLedger);
}

/** The tables in which tools keep their history, as far as they are needed to be recognised. */
const histories: readonly (readonly [tool: string, ddl: string, how: string])[] = [
  [
    "golang-migrate",
    "CREATE TABLE my_versions (version bigint PRIMARY KEY, dirty boolean NOT NULL)",
    "baseline --adopt golang-migrate",
  ],
  [
    "flyway",
    "CREATE TABLE flyway_schema_history (installed_rank int, version text, description text, type text, script text, checksum int, installed_by text, installed_on timestamp, execution_time int, success boolean)",
    "baseline --adopt flyway",
  ],
  [
    "alembic",
    "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
    "baseline --adopt alembic",
  ],
  [
    "knex",
    "CREATE TABLE knex_migrations (id serial PRIMARY KEY, name text, batch int, migration_time timestamptz)",
    "baseline --adopt knex",
  ],
  [
    "prisma",
    "CREATE TABLE _prisma_migrations (id text, checksum text, finished_at timestamptz, migration_name text, logs text, rolled_back_at timestamptz, started_at timestamptz, applied_steps_count int)",
    "baseline --adopt prisma",
  ],
  [
    "node-pg-migrate",
    "CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)",
    "baseline --adopt node-pg-migrate",
  ],
  ["sequelize", `CREATE TABLE "SequelizeMeta" (name varchar(255) PRIMARY KEY)`, "baseline --adopt sequelize"],
  [
    "typeorm",
    "CREATE TABLE migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL)",
    "baseline --adopt typeorm",
  ],
  [
    "drizzle",
    "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)",
    "baseline --adopt drizzle",
  ],
  [
    "sqitch",
    "CREATE SCHEMA sqitch; CREATE TABLE sqitch.changes (change_id text PRIMARY KEY, script_hash text, change text, project text, note text, committed_at timestamptz, committer_name text, committer_email text, planned_at timestamptz, planner_name text, planner_email text)",
    "baseline --adopt sqitch",
  ],
  [
    "goose",
    "CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint, is_applied boolean, tstamp timestamp)",
    "baseline --adopt goose",
  ],
  [
    "sqlx",
    "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text, installed_on timestamptz, success boolean, checksum bytea, execution_time bigint)",
    "baseline --adopt sqlx",
  ],
  [
    "diesel",
    "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp)",
    "baseline --adopt diesel",
  ],
  [
    "kysely",
    "CREATE TABLE kysely_migration (name varchar(255) PRIMARY KEY, timestamp varchar(255))",
    "baseline --adopt kysely",
  ],
  [
    "liquibase",
    "CREATE TABLE databasechangelog (id text, author text, filename text, dateexecuted timestamp)",
    "baseline VERSION",
  ],
  [
    "entity-framework",
    `CREATE TABLE "__EFMigrationsHistory" ("MigrationId" text, "ProductVersion" text)`,
    "baseline VERSION",
  ],
  [
    "django",
    "CREATE TABLE django_migrations (id bigint, app text, name text, applied timestamptz)",
    "baseline VERSION",
  ],
  [
    "mikro-orm",
    "CREATE TABLE mikro_orm_migrations (id serial, name text, executed_at timestamptz)",
    "baseline VERSION",
  ],
  [
    "atlas",
    "CREATE SCHEMA atlas_schema_revisions; CREATE TABLE atlas_schema_revisions.atlas_schema_revisions (version text, description text, type bigint, applied bigint, total bigint)",
    "baseline VERSION",
  ],
  [
    "graphile-migrate",
    "CREATE SCHEMA graphile_migrate; CREATE TABLE graphile_migrate.migrations (hash text, previous_hash text, filename text, date timestamptz)",
    "baseline VERSION",
  ],
  ["tern", "CREATE TABLE schema_version (version int NOT NULL)", "baseline VERSION"],
];

describe("a database that another tool has migrated", () => {
  it.each(histories)("is refused by name and with a way on: %s", async (tool, ddl, how) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(ddl);
      const { code, output } = await migrate(scene, ["up", "--yes"]);
      expect(code).toBe(7);
      expect(output).toContain(`were run by ${tool}: its history is in`);
      expect(output).toContain(`migrate ${how}`);
      expect(await ledger(scene)).toEqual(noLedger);
    });
  });

  it.each([
    [
      "dbmate",
      "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)",
      "migrate baseline --adopt dbmate",
    ],
    [
      "rails",
      "CREATE TABLE schema_migrations (version varchar PRIMARY KEY); CREATE TABLE ar_internal_metadata (key text, value text)",
      "migrate baseline --adopt rails",
    ],
    [
      "ecto",
      "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp)",
      "MIGRATIONS_TABLE",
    ],
  ])("is refused when its table has the name of ours: %s", async (tool, ddl, how) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(ddl);
      const refused = { code: 7, output: expect.stringContaining(`looks like ${tool}'s`) };
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject(refused);
      expect((await migrate(scene, ["up", "--yes"])).output).toContain(how);
      const elsewhere = await migrate(scene, ["up", "--yes"], { MIGRATIONS_TABLE: "ours" });
      expect(elsewhere).toMatchObject({ code: 7, output: expect.stringContaining(`were run by ${tool}`) });
    });
  });

  it("is refused by every command that says what would run, and MIGRATE_NONEMPTY_DATABASE=allow is no answer to it", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(histories[3]![1]);
      await expectRefusal(scene, ["were run by knex", "migrate baseline --adopt knex", "migrate baseline 0"]);
      const env = { MIGRATE_NONEMPTY_DATABASE: "allow" };
      expect(await migrate(scene, ["up", "--yes"], env)).toMatchObject({ code: 7 });
      expect(await ledger(scene)).toEqual(noLedger);
    });
  });

  it("is found in the schema that migrations create in, that the role has on its path, and that the ledger lives in", async () => {
    await withScene(async (scene) => {
      await scene.database.query(
        `CREATE SCHEMA app; CREATE TABLE app.knex_migrations (id serial, name text, batch int, migration_time timestamptz)`,
      );
      writeFiles(scene.folder, { "000001_account.up.sql": "CREATE TABLE account (id int);" });
      expect(await migrate(scene, ["up", "--dry-run"])).toMatchObject({ code: 0 });
      expect(await migrate(scene, ["up", "--yes"], { MIGRATIONS_SCHEMA: "app" })).toMatchObject({ code: 7 });
      writeFiles(scene.folder, { "000001_account.up.sql": "CREATE TABLE app.account (id int);" });
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({
        code: 7,
        output: expect.stringContaining("app.knex_migrations"),
      });
      writeFiles(scene.folder, { "000001_account.up.sql": "CREATE TABLE account (id int);" });
      await scene.database.query(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app', current_database()); END $$",
      );
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({ code: 7 });
    });
  });

  it("may belong to another application: baseline 0 says so, once, and it is written down", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(histories[3]![1]);
      expect(await migrate(scene, ["baseline", "0", "--yes"], quiet)).toEqual({
        code: 0,
        output: "An empty ledger was made; `migrate up` runs all migrations.\n",
      });
      expect(
        await scene.database.query(
          "SELECT name, direction, state, up_text, operator IS NOT NULL AS who, finished_at IS NOT NULL AS is_dated FROM schema_migration_runs",
        ),
      ).toEqual([
        {
          name: "empty-ledger",
          direction: "baseline",
          state: "reverted",
          up_text: "-- migrate baseline 0",
          who: true,
          is_dated: true,
        },
      ]);
      expect(await migrate(scene, ["baseline", "0", "--yes"], quiet)).toEqual({
        code: 0,
        output: "There is a ledger already.\n",
      });
      expect(await migrate(scene, ["up", "--yes"], quiet)).toMatchObject({ code: 0 });
      expect(await migrate(scene, ["check"], quiet)).toMatchObject({ code: 0 });
      expect(await migrate(scene, ["history"], quiet)).toMatchObject({ code: 0 });
    });
  });
});

describe("a database with tables of others and no ledger", () => {
  it("is refused by every command, with some of the tables and both ways on", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(
        "CREATE TABLE invoice (id int); CREATE TABLE line (id int) PARTITION BY LIST (id)",
      );
      await expectRefusal(scene, [
        "public.invoice, public.line",
        "migrate baseline 0",
        "MIGRATE_NONEMPTY_DATABASE=allow",
      ]);
    });
  });

  it("is migrated when a setting allows it, and that is written down once", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query("CREATE TABLE invoice (id int)");
      const env = { ...quiet, MIGRATE_NONEMPTY_DATABASE: "allow" };
      const runs = await Promise.all([1, 2, 3].map(async () => await migrate(scene, ["up", "--yes"], env)));
      expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
      expect(await migrate(scene, ["up", "--yes"], quiet)).toMatchObject({ code: 0 });
      expect(await scene.database.query("SELECT name, state FROM schema_migration_runs ORDER BY id")).toEqual(
        [
          { name: "empty-ledger", state: "reverted" },
          { name: "000001_account", state: "applied" },
          { name: "000002_more", state: "applied" },
        ],
      );
    });
  });

  it("is not refused for what an extension made, or for tables where no migration creates anything", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(
        `CREATE SCHEMA other; CREATE TABLE other.invoice (id int); CREATE VIEW v AS SELECT 1;
         CREATE TABLE spatial (id int); ALTER EXTENSION plpgsql ADD TABLE spatial`,
      );
      expect(await migrate(scene, ["up", "--yes"], quiet)).toMatchObject({ code: 0 });
    });
  });

  it("is not asked about again, nor where migrations were reverted to the beginning", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        ...files,
        "000001_account.down.sql": "DROP TABLE account;",
        "000002_more.down.sql": "SELECT 1;",
      });
      expect(await migrate(scene, ["up", "--yes"], quiet)).toMatchObject({ code: 0 });
      expect(await migrate(scene, ["down", "-n", "0", "--yes"], quiet)).toMatchObject({ code: 0 });
      await scene.database.query("CREATE TABLE invoice (id int)");
      expect(await migrate(scene, ["up", "--yes"], quiet)).toMatchObject({ code: 0 });
    });
  });

  it("has a version 0 of its own: baseline 0 records it, and is not offered as consent", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "0000_first.up.sql": "CREATE TABLE first (id int);" });
      await scene.database.query("CREATE TABLE invoice (id int)");
      const { output } = await migrate(scene, ["up", "--yes"]);
      expect(output).toContain("MIGRATE_NONEMPTY_DATABASE=allow");
      expect(output).not.toContain("baseline 0");
      expect(await migrate(scene, ["baseline", "0", "--yes"], quiet)).toEqual({
        code: 0,
        output: "1 migration recorded as applied; none was run.\n",
      });
    });
  });

  it("is dropped by reset, which asks for that anyway", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query("CREATE TABLE invoice (id int)");
      expect(await migrate(scene, ["reset", "--confirm", "--yes"], quiet)).toMatchObject({ code: 0 });
    });
  });
});

describe("a database with the ledger of another application of Headgate's", () => {
  const elsewhere = { ...quiet, MIGRATIONS_SCHEMA: "billing" };

  /** The scene in which the other application has been migrated; ours has a folder of its own with these files. */
  async function besideOther(
    { database, folder }: Scene,
    others: Files,
    ours: Files,
  ): Promise<Parameters<typeof migrate>[0]> {
    const [other, own] = [join(folder, "other"), join(folder, "own")];
    writeFiles(other, others);
    writeFiles(own, ours);
    expect(await migrate({ database, folder: other }, ["up", "--yes"], elsewhere)).toMatchObject({ code: 0 });
    return { database, folder: own };
  }

  const invoices = { "000001_invoice.up.sql": "CREATE TABLE invoice (id int);" };

  it("is migrated with a warning", async () => {
    await withScene(async (scene) => {
      const ours = await besideOther(scene, invoices, files);
      expect(await migrate(ours, ["up", "--yes"])).toMatchObject({
        code: 0,
        output: expect.stringContaining(
          "another application keeps its ledger in this database (billing.schema_migration_runs)",
        ),
      });
    });
  });

  it("is refused when a pending file creates a table that exists", async () => {
    await withScene(async (scene) => {
      const ours = await besideOther(scene, invoices, {
        "000001_start.up.sql": "SELECT 1;",
        "000002_bills.up.sql": "CREATE TABLE IF NOT EXISTS invoice (id int);",
      });
      expect(await migrate(ours, ["up", "--yes"])).toMatchObject({
        code: 7,
        output: expect.stringContaining("create tables that exist (public.invoice)"),
      });
      const allowed = { ...quiet, MIGRATE_NONEMPTY_DATABASE: "allow" };
      expect(await migrate(ours, ["up", "--yes"], allowed)).toMatchObject({ code: 0 });
    });
  });

  it("is migrated when it has run the same files in another schema: one for each tenant", async () => {
    await withScene(async (scene) => {
      const ours = await besideOther(scene, invoices, invoices);
      await scene.database.query(
        "CREATE SCHEMA tenant; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = tenant', current_database()); END $$",
      );
      const tenant = { ...quiet, MIGRATIONS_SCHEMA: "tenant" };
      expect(await migrate(ours, ["up", "--yes"], tenant)).toMatchObject({ code: 0 });
      expect(await scene.database.query("SELECT to_regclass('tenant.invoice')::text AS made")).toEqual([
        { made: expect.stringContaining("invoice") },
      ]);
    });
  });

  it("is no reason to pass over another tool's history", async () => {
    await withScene(async (scene) => {
      await scene.database.query(histories[3]![1]);
      await scene.database.query("CREATE SCHEMA billing");
      const folder = join(scene.folder, "other");
      writeFiles(folder, invoices);
      const other = { database: scene.database, folder };
      expect(await migrate(other, ["baseline", "0", "--yes"], elsewhere)).toMatchObject({ code: 0 });
      expect(await migrate(other, ["up", "--yes"])).toMatchObject({
        code: 7,
        output: expect.stringContaining("were run by knex"),
      });
    });
  });
});
