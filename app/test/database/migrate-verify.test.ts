import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../version.ts";
import { startProgram, type RunningProgram } from "../support/run-program.ts";
import {
  createTestDatabase,
  maintain,
  withTestSession,
  type TestDatabase,
} from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import type { Scene } from "./hostile/hostile-case.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";

interface Found {
  readonly name: string;
  readonly verdict: string;
  readonly problems: readonly string[];
  readonly differences: readonly object[];
  readonly notes: readonly string[];
}

/** Verifies, and looks whether a database or role is left on the server. */
async function verify(
  scene: Parameters<typeof ask>[0],
  ...flags: string[]
): Promise<{ code: number | undefined; document: Record<string, unknown>; migrations: Found[] }> {
  const { code, document } = await ask(scene, "verify", ...flags);
  return { code, document, migrations: (document["migrations"] ?? []) as Found[] };
}

async function scratchDatabases({ database }: Scene): Promise<string[]> {
  const rows = await database.query(
    "SELECT datname FROM pg_database WHERE datname LIKE 'headgate_verify_%' AND pg_get_userbyid(datdba) = current_user",
  );
  return rows.map(({ datname }) => String(datname));
}

const verdicts = (migrations: readonly Found[]): string[] =>
  migrations.map(({ name, verdict }) => `${name} ${verdict}`);

describe("migrate verify", () => {
  it("finds this project's own migrations faithful", async () => {
    await withScene(async (scene) => {
      const own = { ...scene, folder: join(projectRoot, "migrations") };
      const { code, document, migrations } = await verify(own);
      expect({ code, outcome: document["outcome"] }).toEqual({ code: 0, outcome: "faithful" });
      expect(migrations.filter(({ verdict }) => verdict !== "faithful")).toEqual([]);
      expect(document["server"]).toMatchObject({ version: expect.stringMatching(/^\d+/), otherMajor: false });
      expect(await scene.database.query("SELECT to_regclass('schema_migrations') AS ledger")).toEqual([
        { ledger: null },
      ]);
    });
  });

  it("tells what a down does not take back, and goes on with the schema as it should be", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql": "CREATE TABLE t (id int PRIMARY KEY, v text);",
        "000001_one.down.sql": "DROP TABLE t;",
        "000002_more.up.sql": "CREATE TYPE e1 AS ENUM ('a'); ALTER TABLE t ALTER v TYPE text, ADD e e1;",
        "000002_more.down.sql": "ALTER TABLE t DROP e, ALTER v TYPE varchar(10);",
        "000003_extra.up.sql": "CREATE TABLE extra (id serial, v text); CREATE INDEX ON extra (v);",
        "000003_extra.down.sql": "SELECT 1;",
        "000004_faithful.up.sql": "ALTER TABLE t ADD w int; ALTER TABLE extra ADD w int;",
        "000004_faithful.down.sql": "ALTER TABLE t DROP w; ALTER TABLE extra DROP w;",
        "000005_gone.up.sql": "DROP TABLE extra;",
        "000005_gone.down.sql": "CREATE TABLE extra (id serial, v text, w int);",
      });
      const { code, output } = await migrate(scene, ["verify"]);
      expect(code).toBe(3);
      const told = output.slice(output.indexOf("VERSION"));
      expect(told.replaceAll(/\d+(?:\.\d+)? m?s$/gm, "TIME").replace(/PostgreSQL .*/, "")).toBe(
        [
          "VERSION  NAME      RESULT    TOOK",
          "000001   one       faithful  TIME",
          "000002   more      lossy     TIME",
          "  ! down is not the inverse of up:",
          "      - enum public.e1 is left",
          "      - column public.t.v: text → character varying(10)",
          '  ! up fails after down: 000002_more failed: 42710: type "e1" already exists',
          "      at 000002_more.up.sql:1",
          "      1 | CREATE TYPE e1 AS ENUM ('a'); ALTER TABLE t ALTER v TYPE text, ADD e e1;",
          "      It was rolled back; nothing of it remains.",
          "000003   extra     lossy     TIME",
          "  ! down is not the inverse of up:",
          "      - table public.extra is left",
          '  ! up fails after down: 000003_extra failed: 42P07: relation "extra" already exists',
          "      at 000003_extra.up.sql:1",
          "      1 | CREATE TABLE extra (id serial, v text); CREATE INDEX ON extra (v);",
          "      It was rolled back; nothing of it remains.",
          "000004   faithful  faithful  TIME",
          "000005   gone      lossy     TIME",
          "  ! down is not the inverse of up:",
          "      - index public.extra_v_idx is missing",
          "",
          "5 migrations: 2 faithful, 3 lossy. ",
          "",
        ].join("\n"),
      );
      expect(await scratchDatabases(scene)).toEqual([]);
    });
  });

  it("sees a renamed value of an enum everywhere that it is mentioned", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql":
          "CREATE TYPE mood AS ENUM ('calm', 'cross'); CREATE TABLE t (m mood DEFAULT 'calm' CHECK (m <> 'cross')); CREATE INDEX t_m ON t (m) WHERE m = 'calm';",
        "000001_one.down.sql": "DROP TABLE t; DROP TYPE mood;",
        "000002_rename.up.sql":
          "ALTER TYPE mood RENAME VALUE 'calm' TO 'quiet'; ALTER TABLE t ALTER m SET NOT NULL;",
        "000002_rename.down.sql":
          "ALTER TABLE t ALTER m DROP NOT NULL; ALTER TYPE mood RENAME VALUE 'quiet' TO 'calm';",
      });
      const { code, migrations } = await verify(scene);
      expect({ code, problems: migrations.map(({ problems }) => problems) }).toEqual({
        code: 0,
        problems: [[], []],
      });
    });
  });

  it("takes the ends of lines in a function for a note, and no other difference in one", async () => {
    const body = (end: string, value = "1"): string =>
      `CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$${end}SELECT ${value};${end}$$;`;
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql": body("\n"),
        "000001_one.down.sql": "DROP FUNCTION f();",
        "000002_two.up.sql": body("\n", "2"),
        // Made by the server, so that the bytes are these whatever becomes of those in a file.
        "000002_two.down.sql": `DO $x$ BEGIN EXECUTE replace($y$${body("\n")}$y$, E'\\n', E'\\r\\n'); END $x$;`,
        "000003_three.up.sql": body("\n", "3"),
        "000003_three.down.sql": body("\n", "4"),
      });
      const { code, migrations } = await verify(scene);
      expect({ code, verdicts: verdicts(migrations), notes: migrations[1]!.notes }).toEqual({
        code: 3,
        verdicts: ["000001_one faithful", "000002_two faithful", "000003_three lossy"],
        notes: ["after down, the lines of function public.f() have other ends: LF → CRLF and LF"],
      });
    });
  });

  it("takes the order of columns for a note", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql": "CREATE TABLE t (a int, b int);",
        "000001_one.down.sql": "DROP TABLE t;",
        "000002_two.up.sql": "ALTER TABLE t DROP a;",
        "000002_two.down.sql": "ALTER TABLE t ADD a int;",
      });
      const { code, migrations } = await verify(scene);
      expect({ code, verdicts: verdicts(migrations), notes: migrations[1]!.notes }).toEqual({
        code: 0,
        verdicts: ["000001_one faithful", "000002_two faithful"],
        notes: ["after down, the columns of public.t have another order: a, b → b, a"],
      });
    });
  });

  it("names what has no down, on purpose or not, and downs that fail, with their place", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql": "CREATE TABLE t (a int);",
        "000002_purpose.up.sql": "-- migrate: irreversible the data is gone\nALTER TABLE t ADD b int;",
        "000003_syntax.up.sql": "ALTER TABLE t ADD c int;",
        "000003_syntax.down.sql": "ALTER TABLE t\n  DROP COLUMN c bool;",
        "000004_outside.up.sql":
          "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i1 ON t (a);\nCREATE INDEX CONCURRENTLY i2 ON t (b);",
        "000004_outside.down.sql":
          "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY i1;\nDROP INDEX CONCURRENTLY i3;",
        "000005_last.up.sql": "DROP INDEX i1; DROP INDEX i2;",
        "000005_last.down.sql": "CREATE INDEX i1 ON t (a); CREATE INDEX i2 ON t (b);",
        "000006_unsound.up.sql": "ALTER TABLE t ADD d int;",
        "000006_unsound.down.sql": "ALTER TABLE t DROP d; COMMIT;",
      });
      const { code, migrations } = await verify(scene);
      expect(code).toBe(3);
      expect(verdicts(migrations)).toEqual([
        "000001_one missing",
        "000002_purpose irreversible",
        "000003_syntax failing-down",
        "000004_outside failing-down",
        "000005_last faithful",
        "000006_unsound failing-down",
      ]);
      expect(migrations[1]!.problems).toEqual(["cannot be checked: the data is gone"]);
      expect(migrations[2]!.problems).toEqual([
        expect.stringMatching(
          /42601: syntax error at or near "bool"\n {2}at 000003_syntax\.down\.sql:2:17\n/,
        ),
      ]);
      expect(migrations[3]!.problems).toEqual([expect.stringContaining("at 000004_outside.down.sql:3")]);
      expect(migrations[5]!.problems).toEqual([expect.stringContaining("controls transactions by itself")]);
    });
  });

  it("verifies every kind of migration that up and down know, as far as --to says", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql": "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 5);",
        "000001_one.down.sql": "DROP TABLE t;",
        "000002_code.mjs":
          'export const up = (pgm) => pgm.addColumns("t", { b: "int" });\nexport const down = (pgm) => pgm.dropColumns("t", ["b"]);',
        "000003_index.up.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (b);",
        "000003_index.down.sql": "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY i;",
        "000004_batches.up.sql":
          "-- migrate: repeat-until-zero\nUPDATE t SET b = 1 WHERE a IN (SELECT a FROM t WHERE b IS NULL LIMIT 2);",
        "000004_batches.down.sql": "UPDATE t SET b = NULL;",
        "000005_later.up.sql": "-- migrate: deferred\nALTER TABLE t ALTER b SET DEFAULT 1;",
        "000005_later.down.sql": "ALTER TABLE t ALTER b DROP DEFAULT;",
        "000006_beyond.up.sql": "SELECT nothing;",
      });
      const { code, migrations } = await verify(scene, "--to", "5");
      expect({ code, verdicts: verdicts(migrations) }).toEqual({
        code: 0,
        verdicts: ["000001_one", "000002_code", "000003_index", "000004_batches", "000005_later"].map(
          (name) => `${name} faithful`,
        ),
      });
      const beyond = await verify(scene, "--to", "7");
      expect(beyond).toMatchObject({ code: 2, document: { error: { code: "usage" } } });
    });
  });

  it("finds an up that makes something else the second time", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql":
          "CREATE SEQUENCE IF NOT EXISTS kept; DO $$ BEGIN IF nextval('kept') = 1 THEN CREATE TABLE t (a int); ELSE CREATE TABLE t (a bigint); END IF; END $$;",
        "000001_one.down.sql": "DROP TABLE t;",
        "000002_two.up.sql": "CREATE TABLE two (a int);",
        "000002_two.down.sql": "DROP TABLE two;",
      });
      const { code, migrations } = await verify(scene);
      expect({ code, verdicts: verdicts(migrations), differences: migrations[0]!.differences }).toEqual({
        code: 3,
        verdicts: ["000001_one lossy", "000002_two faithful"],
        differences: [
          expect.objectContaining({ kind: "sequence", name: "public.kept", expected: null }),
          { kind: "column", name: "public.t.a", expected: "integer", found: "bigint" },
        ],
      });
    });
  });

  it("ends at a migration that cannot be applied, as up does", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_one.up.sql": "CREATE TABLE t (a int);",
        "000001_one.down.sql": "DROP TABLE t;",
        "000002_two.up.sql": "ALTER TABLE nowhere ADD b int;",
        "000003_three.up.sql": "SELECT 1;",
      });
      const { code, document, migrations } = await verify(scene);
      expect({ code, verdicts: verdicts(migrations) }).toEqual({
        code: 6,
        verdicts: ["000001_one faithful", "000002_two failing-up", "000003_three not-tried"],
      });
      expect(document["failed"]).toMatchObject({
        name: "000002_two",
        error: { details: { sqlstate: "42P01", line: 1 } },
      });
      expect(await scratchDatabases(scene)).toEqual([]);
    });
  });

  it("needs an empty database from a role that may not make one", async () => {
    const role = `weak_${randomBytes(4).toString("hex")}`;
    await maintain(async (query) => await query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`));
    try {
      await withScene(async (scene) => {
        writeFiles(scene.folder, {
          "000001_one.up.sql": "CREATE TABLE t ();",
          "000001_one.down.sql": "DROP TABLE t;",
        });
        const url = new URL(scene.database.url);
        [url.username, url.password] = [role, "secret"];
        const { code, output } = await migrate({ ...scene, database: { url: url.href } }, ["verify"]);
        expect({ code, output }).toEqual({
          code: 8,
          output: expect.stringMatching(
            new RegExp(`The role "${role}" may not create a scratch database .*--scratch-url postgres://`),
          ),
        });
      });
    } finally {
      await maintain(async (query) => await query(`DROP ROLE ${role}`));
    }
  });
});

describe("migrate verify with a role among the migrations", () => {
  const withRole = async (work: (role: string) => Promise<void>): Promise<void> => {
    const role = `shared_${randomBytes(4).toString("hex")}`;
    try {
      await work(role);
    } finally {
      await maintain(async (query) => await query(`DROP ROLE IF EXISTS ${role}`));
    }
  };
  const files = (role: string): Record<string, string> => ({
    "000001_one.up.sql": "CREATE TABLE t (a int);",
    "000001_one.down.sql": "DROP TABLE t;",
    "000002_role.up.sql": `CREATE ROLE ${role}; GRANT SELECT ON t TO ${role};`,
    "000002_role.down.sql": `REVOKE ALL ON t FROM ${role}; DROP ROLE ${role};`,
    "000003_more.up.sql": "ALTER TABLE t ADD b int;",
    "000003_more.down.sql": "ALTER TABLE t DROP b;",
  });
  const rolesLike = async (scene: Scene, role: string): Promise<unknown> =>
    await scene.database.query(`SELECT rolname FROM pg_roles WHERE rolname = '${role}'`);

  it("verifies a role that nobody has yet, and leaves none behind", async () => {
    await withRole(async (role) => {
      await withScene(async (scene) => {
        writeFiles(scene.folder, files(role));
        const { code, migrations } = await verify(scene);
        expect({ code, verdicts: verdicts(migrations) }).toEqual({
          code: 0,
          verdicts: ["000001_one faithful", "000002_role faithful", "000003_more faithful"],
        });
        expect(await rolesLike(scene, role)).toEqual([]);
      });
    });
  });

  it("says that a role which exists on the server cannot be verified there, and does nothing to it", async () => {
    await withRole(async (role) => {
      await withScene(async (scene) => {
        writeFiles(scene.folder, files(role));
        await scene.database.query(`CREATE ROLE ${role}`);
        const { code, migrations } = await verify(scene);
        expect({ code, verdicts: verdicts(migrations), problems: migrations[1]!.problems }).toEqual({
          code: 3,
          verdicts: ["000001_one faithful", "000002_role cluster-wide", "000003_more not-tried"],
          problems: [
            `role "${role}" is a cluster-wide object and cannot be verified on the same server; use --scratch-url with a server of its own (it exists there already)`,
          ],
        });
      });
    });
  });

  it("does not drop or alter a role of others, however the migration is written", async () => {
    await withRole(async (role) => {
      await withScene(async (scene) => {
        await scene.database.query(`CREATE ROLE ${role}`);
        writeFiles(scene.folder, {
          "000001_role.up.sql": `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role}; END IF; END $$;`,
          "000001_role.down.sql": `DO $$ BEGIN DROP ROLE ${role}; END $$;`,
          "000002_more.up.sql": "CREATE TABLE t (a int);",
          "000002_more.down.sql": `DROP TABLE t; DROP ROLE IF EXISTS ${role};`,
          "000003_login.up.sql": `ALTER ROLE ${role} LOGIN;`,
          "000003_login.down.sql": `ALTER ROLE ${role} NOLOGIN;`,
        });
        const { code, migrations } = await verify(scene);
        expect({ code, verdicts: verdicts(migrations) }).toEqual({
          code: 3,
          verdicts: ["000001_role cluster-wide", "000002_more cluster-wide", "000003_login cluster-wide"],
        });
        expect(
          await scene.database.query(`SELECT rolcanlogin FROM pg_roles WHERE rolname = '${role}'`),
        ).toEqual([{ rolcanlogin: false }]);
      });
    });
  });
});

describe("migrate verify --scratch-url", () => {
  const files = { "000001_one.up.sql": "CREATE TABLE t (a int);", "000001_one.down.sql": "SELECT 1;" };
  const withScratch = async (work: (scene: Scene, scratch: TestDatabase) => Promise<void>): Promise<void> => {
    await withScene(async (scene) => {
      const scratch = await createTestDatabase();
      try {
        await work(scene, scratch);
      } finally {
        await scratch.drop();
      }
    });
  };

  it("uses an empty database, and leaves it empty", async () => {
    await withScratch(async (scene, scratch) => {
      writeFiles(scene.folder, files);
      const { code, document } = await verify(scene, "--scratch-url", scratch.url);
      expect({ code, document }).toMatchObject({
        code: 3,
        document: { server: { otherMajor: false }, migrations: [{ verdict: "lossy" }] },
      });
      expect(
        await scratch.query("SELECT relname FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'S')"),
      ).toEqual([]);
    });
  });

  it("refuses one that is not empty, and the configured one", async () => {
    await withScratch(async (scene, scratch) => {
      writeFiles(scene.folder, files);
      await scratch.query("CREATE TABLE precious (a int)");
      const full = await migrate(scene, ["verify", "--scratch-url", scratch.url]);
      expect(full).toEqual({
        code: 2,
        output: expect.stringContaining("is not empty (table public.precious); nothing was touched"),
      });
      expect(await scratch.query("SELECT a FROM precious")).toEqual([]);
      const same = await migrate(scene, ["verify"], { MIGRATE_SCRATCH_URL: scene.database.url });
      expect(same).toEqual({
        code: 2,
        output: expect.stringContaining("names the configured database itself"),
      });
    });
  });

  it("needs no configured database, and says when that one cannot be compared", async () => {
    await withScratch(async (scene, scratch) => {
      writeFiles(scene.folder, files);
      const { output } = await migrate({ ...scene, database: { url: "" } }, [
        "verify",
        "--scratch-url",
        scratch.url,
      ]);
      expect(output).toContain("the server of the configured database is not known (none is configured)");
      const away = await migrate({ ...scene, database: { url: "postgres://nobody@127.0.0.1:1/none" } }, [
        "verify",
        "--scratch-url",
        scratch.url,
      ]);
      expect(away.output).toMatch(/the server of the configured database is not known \(.*ECONNREFUSED/);
    });
  });
});

describe("migrate verify, stopped", () => {
  const slow = {
    "000001_one.up.sql": "CREATE TABLE t (a int);",
    "000001_one.down.sql": "DROP TABLE t;",
    "000002_slow.up.sql": "SELECT pg_sleep(120);",
  };
  const start = async (scene: Scene): Promise<RunningProgram> => {
    writeFiles(scene.folder, slow);
    const running = startProgram("migrate", {
      args: ["verify"],
      env: { DATABASE_URL: scene.database.url, MIGRATIONS_DIR: scene.folder, LOG_FORMAT: "pretty" },
    });
    await running.waitForOutput("000001_one (1 of 2): faithful");
    return running;
  };

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("drops its database on %s", async (signal, code) => {
    await withScene(async (scene) => {
      const running = await start(scene);
      expect(await scratchDatabases(scene)).toHaveLength(1);
      running.kill(signal);
      expect(await running.ended).toMatchObject({ code });
      expect(await scratchDatabases(scene)).toEqual([]);
    });
  });

  it("leaves one when it is killed, which the next run drops, and no other", async () => {
    await withScene(async (scene) => {
      const [killed, living] = [await start(scene), await start(scene)];
      const both = await scratchDatabases(scene);
      const foreign = `headgate_verify_${randomBytes(6).toString("hex")}`;
      await maintain(async (query) => await query(`CREATE DATABASE ${foreign} TEMPLATE template0`));
      await maintainIn(foreign, "CREATE TABLE precious ()");
      try {
        killed.kill("SIGKILL");
        await killed.ended;
        const abandoned = await waitForCondition("its sessions to end", async () => {
          const rows = await scene.database.query(
            "SELECT datname FROM pg_database d WHERE datname = ANY (string_to_array($1, ',')) AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)",
            [both.join()],
          );
          return rows[0]?.["datname"];
        });
        const { output } = await migrate(scene, ["verify", "--to", "1"]);
        expect(output).toContain(`dropped ${String(abandoned)}, which a killed run had left`);
        expect((await scratchDatabases(scene)).toSorted()).toEqual(
          [...both.filter((name) => name !== abandoned), foreign].toSorted(),
        );
        living.kill("SIGTERM");
        expect(await living.ended).toMatchObject({ code: 143 });
      } finally {
        await maintain(async (query) => await query(`DROP DATABASE ${foreign}`));
      }
    });
  });
});

async function maintainIn(database: string, text: string): Promise<void> {
  await withScene(async (scene) => {
    const address = { ...scene.database.address, database };
    await withTestSession(address, async ({ client }) => await client.query(text));
  });
}
