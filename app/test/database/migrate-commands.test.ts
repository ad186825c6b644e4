import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";

const three = {
  "000001_one.up.sql": "CREATE TABLE one (id int);",
  "000001_one.down.sql": "DROP TABLE one;",
  "000002_two.up.sql": "CREATE TABLE two (id int);",
  "000002_two.down.sql": "DROP TABLE two;",
  "000003_three.up.sql": "CREATE TABLE three (id int);",
  "000003_three.down.sql": "DROP TABLE three;",
};

const quiet = { LOG_LEVEL: "silent" };

describe("migrate up", () => {
  it("applies what is pending in the order of the numbers and records each run", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      const { code, document } = await ask(scene, "up", "--yes");
      expect(code).toBe(0);
      expect(document).toMatchObject({
        outcome: "applied",
        applied: [{ name: "000001_one" }, { name: "000002_two" }, { name: "000003_three" }],
        failed: null,
        pending: [],
        current: "000003_three",
      });
      const runs = await scene.database.query(
        "SELECT name, kind, direction, state, up_text, down_text, attempts, finished_at >= started_at AS ordered, ran_ms >= 0 AS timed, host <> '' AS placed FROM schema_migration_runs ORDER BY id",
      );
      expect(runs[1]).toEqual({
        name: "000002_two",
        kind: "sql",
        direction: "up",
        state: "applied",
        up_text: three["000002_two.up.sql"],
        down_text: three["000002_two.down.sql"],
        attempts: 1,
        ordered: true,
        timed: true,
        placed: true,
      });
      expect(await scene.database.query("SELECT name FROM schema_migrations ORDER BY id")).toEqual([
        { name: "000001_one" },
        { name: "000002_two" },
        { name: "000003_three" },
      ]);
    });
  });

  it("stops after -n, and at --to", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      expect((await ask(scene, "up", "--yes", "-n", "1")).document).toMatchObject({ current: "000001_one" });
      expect((await ask(scene, "up", "--yes", "--to", "2")).document).toMatchObject({
        current: "000002_two",
      });
      expect((await ask(scene, "up", "--yes", "--to", "99")).document).toMatchObject({
        error: { code: "usage", exitCode: 2 },
      });
    });
  });

  it("needs --yes where there is no terminal, and touches nothing without it", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      const { code, output } = await migrate(scene, ["up"]);
      expect(code).toBe(2);
      expect(output).toContain("There is no terminal to ask on; nothing was touched. Say --yes to go on.");
      expect(
        await scene.database.query(
          "SELECT to_regclass('one') AS one, to_regclass('schema_migrations') AS ledger",
        ),
      ).toEqual([{ one: null, ledger: null }]);
    });
  });

  it("needs no --yes when nothing is pending", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene);
      expect(await migrate(scene, ["up"], quiet)).toEqual({
        code: 0,
        output: "Nothing is pending; the schema is at 000003_three.\n",
      });
    });
  });

  it("plans with --dry-run and writes nothing", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      expect((await ask(scene, "up", "--dry-run")).document).toMatchObject({
        outcome: "planned",
        pending: ["000001_one", "000002_two", "000003_three"],
      });
      expect(await scene.database.query("SELECT to_regclass('schema_migrations') AS ledger")).toEqual([
        { ledger: null },
      ]);
    });
  });

  it("returns what was applied before a failure, and what was not tried", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        ...three,
        "000002_two.up.sql": "CREATE TABLE two (id int);\nINSERT INTO nowhere VALUES (1);\n",
      });
      const { code, document } = await ask(scene, "up", "--yes");
      expect(code).toBe(6);
      expect(document).toMatchObject({
        outcome: "failed",
        applied: [{ name: "000001_one" }],
        failed: {
          name: "000002_two",
          error: {
            code: "migration-failed",
            exitCode: 6,
            details: { sqlstate: "42P01", file: "000002_two.up.sql", line: 2, column: 13 },
          },
        },
        pending: ["000002_two", "000003_three"],
        current: "000001_one",
      });
      expect(await scene.database.query("SELECT to_regclass('two') AS two")).toEqual([{ two: null }]);
      expect(
        await scene.database.query(
          "SELECT state, error->>'sqlstate' AS sqlstate FROM schema_migration_runs WHERE name = '000002_two'",
        ),
      ).toEqual([{ state: "failed", sqlstate: "42P01" }]);
    });
  });

  it("keeps its ledger in the schema and table that are configured, and makes the schema", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene, ["up", "--yes"], {
        MIGRATIONS_SCHEMA: "ops",
        MIGRATIONS_TABLE: "shop_migrations",
      });
      expect(
        await scene.database.query(
          "SELECT relname FROM pg_class WHERE relnamespace = 'ops'::regnamespace AND relkind = 'r' ORDER BY 1",
        ),
      ).toEqual([{ relname: "shop_migration_runs" }, { relname: "shop_migrations" }]);
    });
  });
});

describe("the spellings of older guides", () => {
  it("do the same", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      const applied = async (...argv: string[]): Promise<unknown> => {
        expect(await migrate(scene, [...argv, "--yes"], quiet)).toMatchObject({ code: 0 });
        const rows = await scene.database.query("SELECT count(*)::int AS n FROM schema_migrations");
        return rows[0]!["n"];
      };
      expect(await applied("up", "2")).toBe(2);
      expect(await applied("down", "1")).toBe(1);
      expect(await applied("upgrade", "--num-steps", "1")).toBe(2);
      expect(await applied("upgrade", "head")).toBe(3);
      expect(await applied("downgrade", "--steps=2")).toBe(1);
      expect(await applied("-y", "up", "+1")).toBe(2);
    });
  });
});

describe("migrate down", () => {
  it("reverts the newest -n, and -n 0 all, newest first", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene);
      expect((await ask(scene, "down", "-n", "1", "--yes")).document).toMatchObject({
        outcome: "reverted",
        reverted: [{ name: "000003_three" }],
      });
      expect((await ask(scene, "down", "-n", "0", "--yes")).document).toMatchObject({
        reverted: [{ name: "000002_two" }, { name: "000001_one" }],
      });
      expect((await ask(scene, "down", "-n", "1", "--yes")).document).toMatchObject({
        outcome: "nothing-to-do",
      });
    });
  });

  it("reverts everything above --to", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene);
      expect((await ask(scene, "down", "--to", "000001", "--yes")).document).toMatchObject({
        reverted: [{ name: "000003_three" }, { name: "000002_two" }],
      });
    });
  });

  it("wants to know how far", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      expect(await migrate(scene, ["down", "--yes"])).toMatchObject({ code: 2 });
      expect(await migrate(scene, ["down", "-n", "1", "--to", "1"])).toMatchObject({ code: 2 });
    });
  });

  it("refuses before it reverts anything when one has no way down", async () => {
    await withScene(async (scene) => {
      const { "000002_two.down.sql": _, ...files } = three;
      writeFiles(scene.folder, {
        ...files,
        "000001_one.up.sql": "-- migrate: irreversible it drops a column\nCREATE TABLE one (id int);",
      });
      await migrate(scene);
      const { code, output } = await migrate(scene, ["down", "-n", "0", "--yes"]);
      expect(code).toBe(7);
      expect(output).toContain("000002_two has no down file");
      expect(output).toContain("000001_one is irreversible: it drops a column.");
      expect(await scene.database.query("SELECT count(*)::int AS n FROM schema_migrations")).toEqual([
        { n: 3 },
      ]);
    });
  });

  it("uses the ledger's copy for a migration that this image does not have", async () => {
    await withScene(async (newer) => {
      writeFiles(newer.folder, three);
      await migrate(newer);
      await withScene(async ({ folder }) => {
        const older = { folder, database: newer.database };
        const { "000003_three.up.sql": _up, "000003_three.down.sql": _down, ...files } = three;
        writeFiles(folder, files);
        expect(await migrate(older, ["up"], quiet)).toMatchObject({
          code: 0,
          output: expect.stringContaining("1 migration ahead of this image"),
        });
        expect((await ask(older, "down", "-n", "1", "--yes")).document).toMatchObject({
          reverted: [{ name: "000003_three" }],
        });
        expect(await newer.database.query("SELECT to_regclass('three') AS three")).toEqual([{ three: null }]);
      });
    });
  });

  it("refuses a copy that was tampered with", async () => {
    await withScene(async (newer) => {
      writeFiles(newer.folder, three);
      await migrate(newer);
      await newer.database.query(
        "UPDATE schema_migration_runs SET down_text = 'DROP TABLE one' WHERE name = '000003_three'",
      );
      await withScene(async ({ folder }) => {
        writeFiles(folder, { "000001_one.up.sql": three["000001_one.up.sql"] });
        const { code, output } = await migrate({ folder, database: newer.database }, [
          "down",
          "-n",
          "1",
          "--yes",
        ]);
        expect(code).toBe(7);
        expect(output).toContain("was tampered with and is not run");
        expect(await newer.database.query("SELECT to_regclass('one') IS NOT NULL AS kept")).toEqual([
          { kept: true },
        ]);
      });
    });
  });
});

describe("an image that is older than the schema", () => {
  it("runs, unless a migration that it does not have is breaking (exit 9) or it is told to refuse", async () => {
    await withScene(async (newer) => {
      const [first, ...rest] = Object.entries(three);
      writeFiles(newer.folder, Object.fromEntries([first!]));
      await migrate(newer);
      await withScene(async ({ folder }) => {
        const older = { folder, database: newer.database };
        writeFiles(folder, Object.fromEntries([first!]));
        writeFiles(newer.folder, Object.fromEntries(rest));
        await migrate(newer, ["up", "--yes", "--to", "2"]);
        expect(await migrate(older, ["check"], quiet)).toMatchObject({ code: 0 });
        expect(
          await migrate(older, ["up", "--yes"], { ...quiet, MIGRATE_SCHEMA_AHEAD: "refuse" }),
        ).toMatchObject({ code: 9 });
        writeFiles(newer.folder, {
          "000003_three.up.sql": "-- migrate: breaking\nCREATE TABLE three (id int);",
        });
        await migrate(newer);
        const { code, output } = await migrate(older, ["up", "--yes"]);
        expect(code).toBe(9);
        expect(output).toContain("This image is too old for the schema: 000003_three");
        expect(await migrate(older, ["check"], quiet)).toMatchObject({ code: 9 });
      });
    });
  });
});

describe("deferred migrations", () => {
  it("are read by up only beside others; one that cannot run is told by who would run it", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_one.up.sql": "CREATE TABLE one (id int);" });
      expect((await ask(scene, "up", "--yes")).code).toBe(0);
      writeFiles(scene.folder, { "000002_two.up.sql": "-- migrate: deferred\nCOMMIT;" });
      expect(await ask(scene, "up", "--yes")).toMatchObject({
        code: 0,
        document: { outcome: "up-to-date", deferred: ["000002_two"] },
      });
      expect((await ask(scene, "deferred", "--yes")).code).toBe(7);
      expect((await ask(scene, "check", "--offline")).code).toBe(7);
      writeFiles(scene.folder, { "000003_three.up.sql": "CREATE TABLE three (id int);" });
      expect((await ask(scene, "up", "--yes")).code).toBe(7);
    });
  });

  it("are left out by up and check, and applied by migrate deferred", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        ...three,
        "000002_two.up.sql": "-- migrate: deferred\nCREATE TABLE two (id int);",
      });
      expect((await ask(scene, "up", "--yes")).document).toMatchObject({
        current: "000003_three",
        deferred: ["000002_two"],
      });
      expect((await ask(scene, "check")).document).toMatchObject({ ok: true, deferred: ["000002_two"] });
      expect((await ask(scene, "deferred", "--yes")).document).toMatchObject({
        outcome: "applied",
        applied: [{ name: "000002_two" }],
        // It is not the newest by its number, and waits no longer.
        current: "000003_three",
        deferred: [],
      });
      expect(await migrate(scene, ["deferred"], quiet)).toMatchObject({
        code: 0,
        output: expect.stringContaining("No deferred migration is pending"),
      });
    });
  });
});

describe("reading commands", () => {
  it("tell where the database stands, with their exit codes", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene, ["up", "--yes", "-n", "2"]);
      expect(await ask(scene, "pending")).toEqual({
        code: 3,
        document: { pending: ["000003_three"], deferred: [] },
      });
      expect(await ask(scene, "current")).toEqual({ code: 0, document: { current: "000002_two" } });
      expect(await ask(scene, "check")).toMatchObject({ code: 3, document: { ok: false, exitCode: 3 } });
      const { output } = await migrate(scene, ["status"], quiet);
      expect(output.split("\n").map((line) => line.trim().split(/\s+/).slice(0, 3))).toEqual([
        ["VERSION", "NAME", "STATE"],
        ["000001", "one", "applied"],
        ["000002", "two", "applied"],
        ["000003", "three", "pending"],
        [""],
        ["2", "migrations", "applied,"],
        [""],
      ]);
    });
  });

  it("need no more than the right to read", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene, ["up", "--yes", "-n", "2"]);
      const role = `reader_${scene.database.name}`;
      await scene.database.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'reader'; GRANT SELECT ON schema_migrations, schema_migration_runs TO ${role}`,
      );
      try {
        const url = new URL(scene.database.url);
        [url.username, url.password] = [role, "reader"];
        const reader = { folder: scene.folder, database: { url: url.href } };
        for (const command of ["status", "check", "pending", "current"])
          expect([command, (await migrate(reader, [command], quiet)).code]).toEqual([
            command,
            command === "check" || command === "pending" ? 3 : 0,
          ]);
        expect(await migrate(reader, ["up", "--yes"])).toMatchObject({
          code: 8,
          output: expect.stringContaining("may not write to"),
        });
      } finally {
        await scene.database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    });
  });
});

describe("migrate repair", () => {
  it("records the checksum of an edited file, and keeps the old record", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene);
      writeFiles(scene.folder, { "000002_two.up.sql": "CREATE TABLE two (id int); -- why" });
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({
        code: 7,
        output: expect.stringContaining("000002_two changed after it was applied"),
      });
      expect(await migrate(scene, ["repair"])).toMatchObject({ code: 2 });
      expect((await ask(scene, "repair", "000002", "--yes")).document).toMatchObject({
        outcome: "repaired",
        actions: [{ kind: "restamp", name: "000002_two" }],
      });
      expect(await migrate(scene, ["up"], quiet)).toMatchObject({ code: 0 });
      expect(
        await scene.database.query(
          "SELECT direction FROM schema_migration_runs WHERE name = '000002_two' ORDER BY id",
        ),
      ).toEqual([{ direction: "up" }, { direction: "repair" }]);
    });
  });

  it("says so when nothing needs it", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene);
      expect(await migrate(scene, ["repair"], quiet)).toEqual({ code: 0, output: "Nothing needs repair.\n" });
      expect(await migrate(scene, ["repair", "2"], quiet)).toMatchObject({ code: 2 });
    });
  });
});

describe("migrate create", () => {
  it("writes the next number with a head that explains itself and never takes a name twice", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      expect(await migrate(scene, ["create", "Add owner"], quiet)).toMatchObject({ code: 0 });
      expect(readdirSync(scene.folder).filter((name) => name.startsWith("000004"))).toEqual([
        "000004_add_owner.down.sql",
        "000004_add_owner.up.sql",
      ]);
      expect(readFileSync(join(scene.folder, "000004_add_owner.up.sql"), "utf8")).toMatch(
        /^-- Add owner: why/,
      );
      expect(await migrate(scene, ["create", "add_owner"])).toMatchObject({
        code: 2,
        output: expect.stringContaining("000004_add_owner has that name already"),
      });
      expect(await migrate(scene, ["create", "x; DROP TABLE y"])).toMatchObject({ code: 2 });
      expect(await migrate(scene, ["up", "--yes"], quiet)).toMatchObject({ code: 0 });
    });
  });
});
