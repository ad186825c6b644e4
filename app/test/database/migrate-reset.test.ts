import { randomBytes } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { readCatalogue } from "../../migrate/catalogue/read.ts";
import { startProgram } from "../support/run-program.ts";
import { maintain, withTestSession, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";

const two = {
  "000001_one.up.sql": "CREATE TABLE one (id int);",
  "000001_one.down.sql": "DROP TABLE one;",
  "000002_two.up.sql": "CREATE TABLE two (id int);",
  "000002_two.down.sql": "DROP TABLE two;",
};

/** What is awkward to drop by name, by order or by kind. */
const hostile = `
  CREATE TABLE "select" (id int);
  CREATE TABLE "Mixed ""Case""" (id serial PRIMARY KEY);
  CREATE TABLE parent (id int PRIMARY KEY, at timestamptz DEFAULT now());
  CREATE TABLE child (id int REFERENCES parent);
  CREATE VIEW seen AS SELECT * FROM child;
  CREATE MATERIALIZED VIEW seen_twice AS SELECT * FROM seen;
  CREATE TABLE parts (at date) PARTITION BY RANGE (at);
  CREATE TABLE parts_2026 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TYPE mood AS ENUM ('calm');
  CREATE DOMAIN moods AS mood[];
  CREATE AGGREGATE middle (float8 ORDER BY anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
  CREATE OPERATOR === (leftarg = anyenum, rightarg = anyenum, function = enum_eq);
  CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
  CREATE EXTENSION pgcrypto;
  CREATE SCHEMA "Other";
  CREATE TABLE "Other".parent (id int REFERENCES public.parent);
  CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
  CREATE PUBLICATION news FOR TABLE parent;
  SELECT lo_create(0);
  CREATE EVENT TRIGGER refuse ON sql_drop EXECUTE FUNCTION refuse()`;

async function catalogueOf({ address }: TestDatabase): Promise<unknown> {
  return await withTestSession(address, async ({ client }) => await readCatalogue(client));
}

const ledger = "SELECT name, direction, state FROM schema_migration_runs ORDER BY id";

describe("migrate reset", () => {
  it("drops whatever is there and applies every migration anew", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "--yes"]);
      const clean = await catalogueOf(scene.database);
      await scene.database.query(hostile);
      const { code, document } = await ask(scene, "reset", "--confirm", "--yes");
      expect({ code, document }).toEqual({
        code: 0,
        document: {
          outcome: "reset",
          dropped: expect.objectContaining({ database: scene.database.name, tables: 8 }),
          applied: [
            expect.objectContaining({ name: "000001_one" }),
            expect.objectContaining({ name: "000002_two" }),
          ],
          failed: null,
          pending: [],
          deferred: [],
        },
      });
      expect(await catalogueOf(scene.database)).toEqual(clean);
      expect(await scene.database.query("SELECT count(*)::int AS left FROM pg_largeobject_metadata")).toEqual(
        [{ left: 0 }],
      );
    });
  });

  it("says in the new ledger that it was done, and nobody takes that for a migration", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "--yes"]);
      // As an earlier Headgate made it.
      await scene.database.query(
        `ALTER TABLE schema_migration_runs DROP CONSTRAINT schema_migration_runs_direction_check,
           ADD CHECK (direction IN ('up', 'down', 'baseline', 'repair'))`,
      );
      await migrate(scene, ["reset", "--confirm", "--yes"]);
      expect(await scene.database.query(ledger)).toEqual([
        { name: "reset", direction: "reset", state: "reverted" },
        { name: "000001_one", direction: "up", state: "applied" },
        { name: "000002_two", direction: "up", state: "applied" },
      ]);
      const { document } = await ask(scene, "history");
      expect(document["runs"]).toContainEqual(
        expect.objectContaining({
          direction: "reset",
          state: "reverted",
          role: scene.database.address.user,
          host: expect.stringMatching(/./),
        }),
      );
      expect((await migrate(scene, ["history"])).output).toMatch(/ reset +reset +everything dropped /);
      expect((await ask(scene, "check")).code).toBe(0);
      expect((await ask(scene, "up", "--yes")).document).toMatchObject({ outcome: "up-to-date" });
      expect((await ask(scene, "status")).document["migrations"]).toHaveLength(2);
      expect((await ask(scene, "down", "-n", "0", "--yes")).code).toBe(0);
    });
  });

  it.each([
    ["in production", ["--confirm", "--yes"], { APP_ENV: "production" }, /APP_ENV is production/],
    ["without --confirm", ["--yes"], {}, /say --confirm if that is meant/],
    [
      "without --yes where there is no terminal",
      ["--confirm"],
      {},
      /1 table with ≈ 3 rows, .*There is no terminal to ask on; nothing was touched/s,
    ],
  ])("touches nothing %s", async (_when, flags, env, sentence) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await scene.database.query("CREATE TABLE precious AS SELECT generate_series(1, 3); ANALYZE precious");
      const { code, output } = await migrate(scene, ["reset", ...flags], env);
      expect({ code, output }).toEqual({ code: 2, output: expect.stringMatching(sentence) });
      expect(await scene.database.query("SELECT count(*)::int AS rows FROM precious")).toEqual([{ rows: 3 }]);
    });
  });

  it("drops nothing when a migration's file is not sound", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "--yes"]);
      writeFiles(scene.folder, { "000002_two.up.sql": "CREATE TABLE two (id int); COMMIT;" });
      const { code } = await migrate(scene, ["reset", "--confirm", "--yes"]);
      expect(code).toBe(7);
      expect(await scene.database.query("SELECT id FROM two")).toEqual([]);
    });
  });

  it("names what belongs to another role, and drops nothing", async () => {
    await withOwner(async ({ scene, url }) => {
      const { user } = scene.database.address;
      await migrate({ ...scene, database: { url } });
      await scene.database.query(
        "CREATE TABLE \"Theirs\" (id int); CREATE FUNCTION theirs() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      );
      const before = await catalogueOf(scene.database);
      const { code, output } = await migrate({ ...scene, database: { url } }, [
        "reset",
        "--confirm",
        "--yes",
      ]);
      expect({ code, output }).toEqual({
        code: 8,
        output: expect.stringContaining(
          `nothing was dropped: table public."Theirs" (of "${user}"), function public.theirs() (of "${user}").`,
        ),
      });
      expect(await catalogueOf(scene.database)).toEqual(before);
    });
  });

  it("keeps what a role cannot make again: schemas of others, their grants, extensions of others", async () => {
    await withOwner(async ({ scene, url, role }) => {
      await scene.database.query(
        `CREATE EXTENSION pgcrypto; GRANT USAGE ON SCHEMA public TO public; COMMENT ON SCHEMA public IS 'ours';
         CREATE SCHEMA app; GRANT ALL ON SCHEMA app TO ${role}; ALTER DEFAULT PRIVILEGES FOR ROLE ${role} GRANT SELECT ON TABLES TO public`,
      );
      writeFiles(scene.folder, { "000003_app.up.sql": "CREATE TABLE app.orders (id int);" });
      await migrate({ ...scene, database: { url } });
      const before = await catalogueOf(scene.database);
      expect(await migrate({ ...scene, database: { url } }, ["reset", "--confirm", "--yes"])).toMatchObject({
        code: 0,
      });
      expect(await catalogueOf(scene.database)).toEqual(before);
    });
  });

  it("waits for a lock that is in the way no longer than it keeps others waiting, and tries again", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "--yes"]);
      const env = { MIGRATE_LOCK_TIMEOUT: "100ms" };
      await withTestSession(scene.database.address, async ({ client }) => {
        await client.query("BEGIN; LOCK TABLE one IN ACCESS SHARE MODE");
        const refused = await migrate(scene, ["reset", "--confirm", "--yes"], {
          ...env,
          MIGRATE_RETRIES: "1",
        });
        expect(refused).toEqual({
          code: 6,
          output: expect.stringMatching(/The reset failed: 55P03: .*nothing was dropped/s),
        });
        expect((await ask(scene, "check")).code).toBe(0);
        const running = startReset(scene, env);
        await running.waitForOutput("attempt 2");
        await client.query("ROLLBACK");
        expect(await running.ended).toMatchObject({ code: 0 });
      });
    });
  });

  it("leaves the old state when it is killed while it drops", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "--yes"]);
      const before = await catalogueOf(scene.database);
      await withTestSession(scene.database.address, async ({ client }) => {
        // The last table: by then the first is dropped, in the reset's own eyes.
        await client.query("BEGIN; LOCK TABLE two IN ACCESS SHARE MODE");
        const running = startReset(scene, { MIGRATE_LOCK_TIMEOUT: "60s" });
        await waitForCondition("the reset waiting for our lock", async () => {
          const { rows } = await client.query(
            "SELECT FROM pg_locks WHERE relation = 'two'::regclass AND NOT granted",
          );
          return rows.length > 0;
        });
        running.kill("SIGKILL");
        await running.ended;
        await client.query("ROLLBACK");
        await waitForCondition("the end of its session", async () => {
          const { rows } = await client.query(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'headgate migrate reset%'",
          );
          return rows.length === 0;
        });
      });
      expect(await catalogueOf(scene.database)).toEqual(before);
      expect((await ask(scene, "check")).code).toBe(0);
    });
  });

  it("leaves a database that up fills when it is killed behind that", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "--yes"]);
      const before = await catalogueOf(scene.database);
      writeFiles(scene.folder, { "000002_two.up.sql": "SELECT pg_sleep(60); CREATE TABLE two (id int);" });
      const running = startReset(scene, {});
      await running.waitForOutput("applying 000002_two");
      running.kill("SIGKILL");
      await running.ended;
      writeFiles(scene.folder, two);
      expect((await migrate(scene, ["up", "--yes"])).code).toBe(0);
      expect(await catalogueOf(scene.database)).toEqual(before);
    });
  });
});

function startReset(
  { database, folder }: { readonly database: { readonly url: string }; readonly folder: string },
  env: Readonly<Record<string, string>>,
): ReturnType<typeof startProgram> {
  return startProgram("migrate", {
    args: ["reset", "--confirm", "--yes"],
    env: { DATABASE_URL: database.url, MIGRATIONS_DIR: folder, LOG_FORMAT: "pretty", ...env },
  });
}

/** A scene whose database belongs to a role that is no superuser; the role goes with it. */
async function withOwner(
  work: (owner: {
    scene: Parameters<Parameters<typeof withScene>[0]>[0];
    url: string;
    role: string;
  }) => Promise<void>,
): Promise<void> {
  const role = `owner_${randomBytes(4).toString("hex")}`;
  await maintain(async (query) => await query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`));
  try {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await scene.database.query(`ALTER DATABASE ${scene.database.name} OWNER TO ${role}`);
      const url = new URL(scene.database.url);
      [url.username, url.password] = [role, "secret"];
      await work({ scene, url: url.href, role });
    });
  } finally {
    await maintain(async (query) => await query(`DROP ROLE ${role}`));
  }
}
