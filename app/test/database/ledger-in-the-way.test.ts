import { randomBytes } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import pg from "pg";
import type { Scene } from "./hostile/hostile-case.ts";
import { migrate, withDeadline, withScene, writeFiles } from "./hostile/perform.ts";
import { maintain } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

const files = {
  "000001_things.up.sql": "CREATE TABLE things (id int);",
  "000001_things.down.sql": "DROP TABLE things;",
};
const changing = [
  ["up", "--yes"],
  ["down", "-n", "1", "--yes"],
  ["baseline", "1", "--yes"],
  ["repair", "--yes"],
];
const reading = [["status"], ["check"], ["pending"], ["plan"], ["history"], ["current"]];

/** Each command must end with one of these codes and a sentence, and never with a stack. */
async function expectRefusals(
  scene: Scene,
  commands: readonly (readonly string[])[],
  codes: readonly number[],
  says: RegExp,
): Promise<void> {
  for (const argv of commands) {
    const { code, output } = await withDeadline(argv.join(" "), 10_000, migrate(scene, argv));
    expect({ argv, code, output }).toEqual({
      argv,
      code: codes.includes(code ?? -1) ? code : codes,
      output: expect.stringMatching(says),
    });
    expect(output).not.toMatch(/^ {4}at /m);
  }
}

describe("something else with a name of the ledger", () => {
  const runs = "schema_migration_runs";
  it.each([
    [
      "a view",
      "CREATE VIEW schema_migrations AS SELECT 1 AS id, 'x'::varchar AS name, now()::timestamp AS run_on",
      /is a view/,
    ],
    ["a view for the runs", `CREATE VIEW ${runs} AS SELECT 1 AS id`, /is a view/],
    [
      "a materialized view",
      "CREATE MATERIALIZED VIEW schema_migrations AS SELECT 1 AS id, 'x'::varchar AS name, now()::timestamp AS run_on",
      /is a materialized view/,
    ],
    ["a sequence", "CREATE SEQUENCE schema_migrations", /is a sequence/],
    ["a sequence for the runs", `CREATE SEQUENCE ${runs}`, /is a sequence/],
    ["an index", "CREATE TABLE t (id int); CREATE INDEX schema_migrations ON t (id)", /is an index/],
    ["a composite type", "CREATE TYPE schema_migrations AS (id int)", /is a type/],
    [
      "a partitioned table",
      "CREATE TABLE schema_migrations (id int, name varchar(255), run_on timestamp) PARTITION BY LIST (id)",
      /is a partitioned table/,
    ],
    [
      "an unlogged table",
      "CREATE UNLOGGED TABLE schema_migrations (id serial, name varchar(255), run_on timestamp)",
      /UNLOGGED.*SET LOGGED/,
    ],
    [
      "a table of runs without our columns",
      `CREATE TABLE schema_migrations (id serial, name varchar(255), run_on timestamp); CREATE TABLE ${runs} (id int, name text)`,
      /runs" is not one that Headgate made: it lacks version/,
    ],
  ])("%s: exit 7 with a sentence", async (_what, sql, says) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(sql);
      await expectRefusals(scene, [...changing.slice(0, 3), ["status"], ["check"], ["pending"]], [7], says);
    });
  });

  it("a type, which only shows when the table is made: exit 7", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query("CREATE TYPE schema_migrations AS ENUM ('a')");
      await expectRefusals(scene, [["up", "--yes"]], [7], /something else has its name/);
    });
  });

  it("an INSTEAD rule: exit 7, and nothing was run", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await migrate(scene, ["up", "--yes"]);
      await migrate(scene, ["down", "-n", "1", "--yes"]);
      await scene.database.query("CREATE RULE nothing AS ON INSERT TO schema_migrations DO INSTEAD NOTHING");
      await expectRefusals(scene, [["up", "--yes"]], [7], /trigger, a rule/);
      expect(await scene.database.query("SELECT to_regclass('things') AS made")).toEqual([{ made: null }]);
    });
  });
});

/** The commands of a role of its own, which owns the ledger unless `owned` says otherwise. */
async function withRole(work: (scene: Scene, role: string) => Promise<void>): Promise<void> {
  await withScene(async (scene) => {
    writeFiles(scene.folder, files);
    const role = `role_${randomBytes(6).toString("hex")}`;
    await scene.database.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'p'; GRANT ALL ON SCHEMA public TO ${role}`,
    );
    const url = new URL(scene.database.url);
    [url.username, url.password] = [role, "p"];
    try {
      await work({ ...scene, database: { ...scene.database, url: url.href } }, role);
    } finally {
      await scene.database.query(`DROP OWNED BY ${role} CASCADE`);
      await maintain((query) => query(`DROP ROLE ${role}`));
    }
  });
}

describe("row-level security on the ledger", () => {
  it("of another owner: exit 8 with a sentence", async () => {
    await withRole(async (scene, role) => {
      const owner = { ...scene, database: { ...scene.database, url: superuserUrl(scene) } };
      await migrate(owner, ["up", "--yes"]);
      await scene.database.query(`GRANT ALL ON schema_migrations, schema_migration_runs TO ${role};
        ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY`);
      await expectRefusals(
        scene,
        [...changing, ...reading.filter(([name]) => name !== "history")],
        [8],
        /Row-level security hides rows of "public"."schema_migrations"/,
      );
    });
  });

  it("forced on its owner: exit 8 with a sentence", async () => {
    await withRole(async (scene) => {
      expect((await migrate(scene, ["up", "--yes"])).code).toBe(0);
      await scene.database.query(
        "ALTER TABLE schema_migration_runs ENABLE ROW LEVEL SECURITY; ALTER TABLE schema_migration_runs FORCE ROW LEVEL SECURITY",
      );
      await expectRefusals(scene, [...changing, ...reading], [8], /Row-level security hides rows/);
    });
  });
});

function superuserUrl({ database }: Scene): string {
  const url = new URL(database.url);
  [url.username, url.password] = [database.address.user, database.address.password ?? ""];
  return url.href;
}

describe("an event trigger that freezes DDL", () => {
  const freeze = `CREATE FUNCTION no_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no DDL today'; END $$;
    CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION no_ddl()`;

  it("where there is no ledger yet: exit 8 with its words", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await scene.database.query(freeze);
      await expectRefusals(
        scene,
        [
          ["up", "--yes"],
          ["baseline", "1", "--yes"],
        ],
        [8],
        /refused to make the ledger.*no DDL today/,
      );
    });
  });

  it("where the ledger lacks columns: the upgrade is put off", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await migrate(scene, ["up", "--yes"]);
      await scene.database.query(`ALTER TABLE schema_migration_runs DROP COLUMN ending; ${freeze}`);
      writeFiles(scene.folder, { "000002_row.up.sql": "INSERT INTO things VALUES (1);" });
      const { code, output } = await migrate(scene, ["up", "--yes"]);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("applied 000002_row") });
    });
  });
});

describe("a ledger that somebody has locked", () => {
  const inBrief = { MIGRATE_LOCK_WAIT: "300ms", WAIT_TIMEOUT: "20s" };
  const locked =
    /could not be read in \d+ s: it is locked by pid \d+ \(idle in transaction.*pg_terminate_backend\(\d+\)/;

  it.each([
    ["the table of names", "schema_migrations"],
    ["the table of runs", "schema_migration_runs"],
  ])(
    "by way of %s: every command says who holds it, and ends with exit 5",
    async (_what, table) => {
      await withScene(async (scene) => {
        writeFiles(scene.folder, files);
        await migrate(scene, ["up", "--yes"]);
        await scene.database.query(`ALTER DATABASE ${scene.database.name} SET lock_timeout = '50ms'`);
        const holder = new pg.Client(scene.database.url);
        holder.on("error", () => undefined);
        await holder.connect();
        await holder.query(`BEGIN; LOCK TABLE ${table}`);
        const commands =
          table === "schema_migrations"
            ? [...changing, ...reading.filter(([name]) => name !== "history")]
            : reading;
        for (const argv of commands) {
          const { code, output } = await withDeadline(argv.join(" "), 10_000, migrate(scene, argv, inBrief));
          expect({ argv, code, output }).toEqual({ argv, code: 5, output: expect.stringMatching(locked) });
        }
        await holder.end();
      });
    },
    60_000,
  );

  it("is waited for, and said, and read when it is let go", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await migrate(scene, ["up", "--yes"]);
      const holder = new pg.Client(scene.database.url);
      await holder.connect();
      await holder.query("BEGIN; LOCK TABLE schema_migrations");
      const waiting = migrate(scene, ["up", "--yes"]);
      const tries = new Set<string>();
      await waitForCondition("a second try", async () => {
        const rows = await scene.database.query(
          "SELECT a.query_start::text AS start FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.relation = 'schema_migrations'::regclass AND NOT l.granted",
        );
        for (const { start } of rows) tries.add(String(start));
        return tries.size > 1;
      });
      await holder.end();
      const { code, output } = await waiting;
      expect({ code, output }).toEqual({
        code: 0,
        output: expect.stringContaining("waiting for the ledger, locked by pid"),
      });
    });
  });
});
