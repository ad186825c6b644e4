import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import pg from "pg";
import { digestOf, readHistoryDigest } from "../../migrate/history-digest.ts";
import { readKnownMigrations } from "../../migrate/known-migrations.ts";
import { lockKey } from "../../migrate/lock.ts";
import { ledgerTables } from "../../migrate/ledger-tables.ts";
import { compareCatalogues } from "../../migrate/catalogue/compare.ts";
import { readCatalogue, type CatalogueEntry } from "../../migrate/catalogue/read.ts";
import { startProgram } from "../support/run-program.ts";
import { scriptRunners } from "../support/run-script.ts";
import {
  configOf,
  createTestDatabase,
  maintain,
  urlOf,
  withTestSession,
  type TestDatabase,
} from "../support/test-database.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";
import type { Scene } from "./hostile/hostile-case.ts";

const quiet = { LOG_LEVEL: "silent" };
const nowhere = { ...quiet, DATABASE_URL: "" };
const same = { missing: [], extra: [], changed: [] };

/** Names and texts that a careless script would break on. */
const hostile = {
  "000001_odd-names.v1.up.sql": `-- it's a "comment" with $$ and \\ in it; and ; semicolons
CREATE SCHEMA "odd ""Name""; --";
CREATE TABLE "odd ""Name""; --"."it's $headgate$" (id int PRIMARY KEY, "USER" text DEFAULT 'O''Reilly \\n', list int[] DEFAULT '{1,2,3}', port int);
INSERT INTO "odd ""Name""; --"."it's $headgate$" VALUES (1, 'ünï ✓ \\ '' $tag$ :USER', '{4,5,6}'), (2, E'back\\\\slash\\'s', '{}');
/* nested /* comment */ ' unbalanced quote */`,
  "000001_odd-names.v1.down.sql": `DROP SCHEMA "odd ""Name""; --" CASCADE; -- all of it`,
  "000002_functions.up.sql": `CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN a + 1; END; $$;
CREATE FUNCTION g("HOST" int[]) RETURNS int[] LANGUAGE sql BEGIN ATOMIC SELECT "HOST"[1:2]; END;
CREATE VIEW sliced AS SELECT list[1:f(1)] AS part, list[:f(1)] AS first, list[1:PORT] AS some, ':USER'::text AS text FROM "odd ""Name""; --"."it's $headgate$" -- no semicolon`,
  "000002_functions.down.sql": "DROP VIEW sliced;\nDROP FUNCTION g(int[]);\nDROP FUNCTION f(int);",
  "000003_leaky.up.sql":
    "SET search_path = nowhere; SET standard_conforming_strings = off; SET client_encoding = 'LATIN1'; SET ROLE pg_monitor;",
  "000003_leaky.down.sql": "SELECT 1;",
  "000004_many.up.sql":
    "CREATE TABLE many (id int PRIMARY KEY, done boolean NOT NULL DEFAULT false, at timestamptz);\nINSERT INTO many SELECT generate_series(1, 250);",
  "000004_many.down.sql": "DROP TABLE many;",
  "000005_index.up.sql":
    "-- migrate: no-transaction\nSET work_mem = '8MB';\nCREATE INDEX CONCURRENTLY many_done_idx ON many (done);\nDO $$ BEGIN UPDATE many SET at = now() WHERE id = 1; COMMIT; END $$;\nVACUUM many;\nCOMMENT ON TABLE many IS 'it''s many'",
  "000005_index.down.sql": "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY many_done_idx;",
  "000006_backfill.up.sql":
    "-- migrate: repeat-until-zero pause=1ms\nUPDATE many SET done = true WHERE id IN (SELECT id FROM many WHERE NOT done AND 'it''s' <> '' ORDER BY id LIMIT 100);",
  "000006_backfill.down.sql": "UPDATE many SET done = false;",
  "000007_enum.up.sql":
    "-- migrate: breaking\nCREATE TYPE mood AS ENUM ('calm', 'it''s');\r\nCOMMENT ON TYPE mood IS 'two\r\nlines and\rthree';\r\n",
  "000007_enum.down.sql": "DROP TYPE mood;",
};

async function scriptOf(scene: Pick<Scene, "database" | "folder">, ...argv: string[]): Promise<string> {
  const { code, output } = await migrate(scene, ["sql", ...argv], quiet);
  expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
  return output;
}

async function catalogueOf({ address }: TestDatabase): Promise<CatalogueEntry[]> {
  return await withTestSession(address, async ({ client }) => await readCatalogue(client));
}

/** All that the ledger says, less when and by whom: psql has no user of the operating system, and no host of ours. */
const different = "{id,started_at,finished_at,ran_ms,waited_ms,host,operator,backend_pid,backend_start}";

async function ledgerOf({ query }: TestDatabase): Promise<unknown> {
  return [
    await query("SELECT name FROM schema_migrations ORDER BY id"),
    await query(
      `SELECT to_jsonb(r) - '${different}'::text[] AS row, ran_ms >= 0 AS timed, finished_at >= started_at AS ordered
         FROM schema_migration_runs r ORDER BY id`,
    ),
  ];
}

describe.each(scriptRunners())("migrate sql, run $name", ({ run }) => {
  it("leaves the schema and the ledger that up leaves, whatever is in names and texts", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, hostile);
      const twin = await createTestDatabase();
      try {
        const script = await scriptOf({ ...scene, database: twin });
        expect(await run(twin, script)).toEqual({ error: undefined });
        expect(await migrate(scene)).toMatchObject({ code: 0 });
        expect(compareCatalogues(await catalogueOf(scene.database), await catalogueOf(twin))).toEqual(same);
        expect(await ledgerOf(twin)).toEqual(await ledgerOf(scene.database));
        const rows = `SELECT (SELECT json_agg(t ORDER BY id) FROM "odd ""Name""; --"."it's $headgate$" t) AS odd, (SELECT count(*)::int FROM many WHERE done) AS done`;
        expect(await twin.query(rows)).toEqual(await scene.database.query(rows));
        const there = { ...scene, database: twin };
        expect(await migrate(there, ["check"], quiet)).toMatchObject({ code: 0 });
        expect((await ask(there, "status")).document).toMatchObject({ pending: [], conflicts: [] });
        // What a container's start asks for, and nothing else when it is right.
        const config = configOf(twin.url, { MIGRATIONS_DIR: scene.folder });
        const digest = await withTestSession(twin.address, ({ client }) =>
          readHistoryDigest(client, ledgerTables(config)),
        );
        expect(digest).toBe(digestOf(readKnownMigrations(config)));
        expect((await ask(there, "up")).document).toMatchObject({ outcome: "up-to-date" });
        // And all the way down.
        expect(await run(twin, await scriptOf(there, "--down", "-n", "0"))).toEqual({ error: undefined });
        expect(await migrate(scene, ["down", "-n", "0", "--yes"])).toMatchObject({ code: 0 });
        expect(compareCatalogues(await catalogueOf(scene.database), await catalogueOf(twin))).toEqual(same);
        expect(await ledgerOf(twin)).toEqual(await ledgerOf(scene.database));
      } finally {
        await twin.drop();
      }
    });
  });

  it("needs no database with --from, and makes the same script for the same state", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, hostile);
      const offline = await migrate(scene, ["sql", "--from", "0"], nowhere);
      expect(offline).toEqual({ code: 0, output: await scriptOf(scene) });
      expect(
        await run(
          scene.database,
          (await migrate(scene, ["sql", "--from", "0", "--to", "4"], nowhere)).output,
        ),
      ).toEqual({ error: undefined });
      expect(
        await run(scene.database, (await migrate(scene, ["sql", "--from", "4"], nowhere)).output),
      ).toEqual({ error: undefined });
      expect(await migrate(scene, ["check"], quiet)).toMatchObject({ code: 0 });
      const down = await migrate(scene, ["sql", "--down", "--from", "7", "--to", "4"], nowhere);
      expect(await run(scene.database, down.output)).toEqual({ error: undefined });
      expect((await ask(scene, "status")).document).toMatchObject({
        current: "000004_many",
        pending: ["000005_index", "000006_backfill", "000007_enum"],
      });
    });
  });

  it("refuses a database with another history than the one it was made for, and touches nothing", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, hostile);
      const script = await scriptOf(scene, "--to", "2");
      const later = (await migrate(scene, ["sql", "--from", "2"], nowhere)).output;
      expect((await run(scene.database, later)).error).toContain(
        "headgate: 000001_odd-names.v1, 000002_functions not applied, and this script was made for a database where it is; make the script again with `migrate sql`",
      );
      expect(await run(scene.database, script)).toEqual({ error: undefined });
      expect((await run(scene.database, script)).error).toContain(
        "applied already, and this script was made before that",
      );
      expect((await ask(scene, "status")).document).toMatchObject({ current: "000002_functions" });
      const down = (await migrate(scene, ["sql", "--down", "--from", "1", "--to", "0"], nowhere)).output;
      expect((await run(scene.database, down)).error).toContain(
        "000002_functions applied, and this script was made for a database without it",
      );
    });
  });

  it("refuses a migration that is half-done, unless it was made to go on there", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql":
          "-- migrate: no-transaction\nCREATE TABLE one (id int);\nALTER TABLE nowhere ADD a int;",
      });
      await migrate(scene);
      const fresh = (await migrate(scene, ["sql", "--from", "0"], nowhere)).output;
      expect((await run(scene.database, fresh)).error).toContain(
        "000001_one half-done, and this script was not made to go on there",
      );
    });
  });

  it("stops at the first error, and up goes on from there", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql": "CREATE TABLE one (id int);",
        "000002_two.up.sql":
          "-- migrate: no-transaction\nCREATE TABLE two (id int);\nINSERT INTO two VALUES (1);\nSELECT * FROM nowhere;",
        "000003_three.up.sql": "CREATE TABLE three (id int);",
      });
      const { error } = await run(scene.database, await scriptOf(scene));
      expect(error).toContain('relation "nowhere" does not exist');
      expect(
        await scene.database.query(
          "SELECT to_regclass('three') AS three, (SELECT count(*)::int FROM two) AS rows",
        ),
      ).toEqual([{ three: null, rows: 1 }]);
      writeFileSync(
        join(scene.folder, "000002_two.up.sql"),
        "-- migrate: no-transaction\nCREATE TABLE two (id int);\nINSERT INTO two VALUES (1);\nSELECT 1;",
      );
      // What is left can be a script again, or a run.
      const rest = await scriptOf(scene);
      expect(rest.split("CREATE TABLE two")).toHaveLength(2); // in the ledger's copy alone
      expect(await run(scene.database, rest)).toEqual({ error: undefined });
      expect(await migrate(scene, ["check"], quiet)).toMatchObject({ code: 0 });
      expect(await scene.database.query("SELECT id FROM two")).toEqual([{ id: 1 }]);
    });
  });

  it("takes the lock that runners take, whatever the database is called, and gives up when it is held", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_one.up.sql": "CREATE TABLE one (id int);" });
      const name = `o"d\\d 'ü ${scene.database.name}`;
      await maintain((query) => query(`CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE template0`));
      const url = urlOf(name);
      const database = { name, url, address: configOf(url).database };
      const env = { ...quiet, MIGRATE_LOCK_WAIT: "0.3s", MIGRATIONS_SCHEMA: "Our", MIGRATIONS_TABLE: "ours" };
      try {
        const script = (await migrate({ ...scene, database }, ["sql"], env)).output;
        const tables = ledgerTables({ migrationsSchema: "Our", migrationsTable: "ours" });
        await withTestSession(database.address, async ({ client }) => {
          const key = lockKey(name, tables).toString();
          await client.query("SELECT pg_advisory_lock($1)", [key]);
          expect((await run(database, script)).error).toContain(
            "headgate: the migration lock was not obtained; another runner holds it",
          );
          await client.query("SELECT pg_advisory_unlock($1)", [key]);
        });
        expect(await run(database, script)).toEqual({ error: undefined });
        expect(await migrate({ ...scene, database }, ["check"], env)).toMatchObject({ code: 0 });
      } finally {
        await maintain((query) => query(`DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`));
      }
    });
  });

  it("prints what a migration in code asks the builder for, with --allow-code, and stops where one asks the database", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.js":
          "export const up = (pgm) => { pgm.createTable('one', { id: 'id', note: { type: 'text', default: \"it's\" } }); pgm.sql(\"INSERT INTO one (note) VALUES ('x')\"); };\nexport const down = (pgm) => { pgm.dropTable('one'); };",
        "000002_asks.js":
          "export const up = async (pgm) => { await pgm.db.query('CREATE TABLE never (id int)'); };\nexport const down = false;",
        "000003_three.up.sql": "CREATE TABLE three (id int);",
      });
      const refused = await migrate(scene, ["sql"], quiet);
      expect(refused.code).toBe(3);
      expect(refused.output).toContain(
        "-- 000001_one is TypeScript or JavaScript and not part of this script (--allow-code).\n",
      );
      expect((await run(scene.database, refused.output)).error).toContain("run `migrate up` for it");
      expect((await ask(scene, "status")).document).toMatchObject({ current: null });
      const { code, document } = await ask(scene, "sql", "--allow-code");
      expect({ code, document }).toMatchObject({
        code: 3,
        document: {
          migrations: [
            { version: "000001", name: "000001_one", direction: "up", kind: "code" },
            { name: "000002_asks" },
            { name: "000003_three", kind: "sql" },
          ],
          codeMigrations: [
            { name: "000001_one", rendered: true, reason: null },
            {
              name: "000002_asks",
              rendered: false,
              reason:
                "asks the database (pgm.db), so what it does is decided when it runs, and not part of this script",
            },
          ],
        },
      });
      expect((await run(scene.database, document["sql"] as string)).error).toContain(
        "000002_asks asks the database",
      );
      expect((await ask(scene, "status")).document).toMatchObject({ current: "000001_one", conflicts: [] });
      expect(await scene.database.query("SELECT id, note FROM one")).toEqual([{ id: 1, note: "x" }]);
      const down = await scriptOf(scene, "--down", "-n", "1", "--allow-code");
      expect(await run(scene.database, down)).toEqual({ error: undefined });
      expect(await scene.database.query("SELECT to_regclass('one') AS one")).toEqual([{ one: null }]);
    });
  });

  it("reverts a migration that the folder does not have, from the ledger's copy", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_one.up.sql": "CREATE TABLE one (id int);" });
      await withScene(async ({ folder }) => {
        writeFiles(folder, {
          "000001_one.up.sql": "CREATE TABLE one (id int);",
          "000002_newer.up.sql": "CREATE TABLE newer (id int);",
          "000002_newer.down.sql": "DROP TABLE newer;",
        });
        await migrate({ folder, database: scene.database });
      });
      expect(await run(scene.database, await scriptOf(scene, "--down", "-n", "1"))).toEqual({
        error: undefined,
      });
      expect(await scene.database.query("SELECT to_regclass('newer') AS newer")).toEqual([{ newer: null }]);
      expect(await migrate(scene, ["check"], quiet)).toMatchObject({ code: 0 });
    });
  });

  it("leaves deferred migrations out, unless they are asked for", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql": "CREATE TABLE one (id int);",
        "000002_later.up.sql": "-- migrate: deferred\nCREATE TABLE later (id int);",
      });
      expect((await ask(scene, "sql")).document).toMatchObject({
        migrations: [{ name: "000001_one" }],
        deferred: ["000002_later"],
      });
      expect(await run(scene.database, await scriptOf(scene, "--deferred"))).toEqual({ error: undefined });
      expect((await ask(scene, "status")).document).toMatchObject({ current: "000002_later", deferred: [] });
      expect((await ask(scene, "up")).document).toMatchObject({ outcome: "up-to-date" });
    });
  });
});

describe("migrate sql", () => {
  it("says that there is nothing to do in a comment, and keeps everything but SQL from stdout", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_one.up.sql": "CREATE TABLE one (id int);" });
      await migrate(scene);
      expect((await migrate(scene, ["sql"], quiet)).output).toMatch(
        /^-- headgate .*\n-- There is nothing to do\.\n$/,
      );
    });
  });

  it("ends quietly when its reader has gone, as psql does at an error", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_big.up.sql": `SELECT '${"x".repeat(4_000_000)}';` });
      const program = startProgram("migrate", {
        args: ["sql", "--from", "0"],
        env: { MIGRATIONS_DIR: scene.folder },
      });
      program.child.stdout?.destroy();
      expect(await program.ended).toMatchObject({ code: 141, stderr: "" });
    });
  });

  it("refuses a text that the parser refuses: in a script it could swallow what follows", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_one.up.sql": "SELECT 'never ended;" });
      const { code, output } = await migrate(scene, ["sql"], nowhereWith(scene));
      expect(code).toBe(7);
      expect(output).toContain("000001_one (up): unterminated quoted string");
    });
  });

  it("wants to know how far down, and a version that there is", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_one.up.sql": "SELECT 1;" });
      expect(await migrate(scene, ["sql", "--down"], quiet)).toMatchObject({ code: 2 });
      expect(await migrate(scene, ["sql", "--from", "9"], nowhere)).toMatchObject({ code: 2 });
    });
  });

  it("copes with a file that is larger than the parser's limit", async () => {
    await withScene(async (scene) => {
      const rows = Array.from(
        { length: 20_000 },
        (_, id) => `(${id}, 'it''s row ${id} \\ with ; :USER and text to fill the line')`,
      );
      writeFiles(scene.folder, {
        "000001_big.up.sql": `CREATE TABLE big (id int, note text);\nINSERT INTO big VALUES\n${rows.join(",\n")};\nCREATE TABLE cut AS SELECT x[1:PORT] AS x FROM (VALUES ('{7,8}'::int[], 1)) AS t (x, port);\n`,
      });
      const script = await scriptOf(scene);
      expect(script.length).toBeGreaterThan(2_000_000);
      for (const { run } of scriptRunners()) {
        const database = await createTestDatabase();
        expect(await run(database, script)).toEqual({ error: undefined });
        expect(
          await database.query("SELECT count(*)::int AS rows, (SELECT x FROM cut) AS x FROM big"),
        ).toEqual([{ rows: 20_000, x: [7] }]);
        expect(await migrate({ ...scene, database }, ["check"], quiet)).toMatchObject({ code: 0 });
        await database.drop();
      }
    });
  });
});

function nowhereWith(scene: Scene): Record<string, string> {
  return { LOG_FORMAT: "pretty", DATABASE_URL: scene.database.url };
}
