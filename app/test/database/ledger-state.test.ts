import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { Scene } from "./hostile/hostile-case.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";

const outside = "-- migrate: no-transaction\n";
const two = {
  "000001_base.up.sql": "CREATE TABLE base (v int);\nINSERT INTO base VALUES (1);\n",
  "000001_base.down.sql": "DROP TABLE base;\n",
  "000002_owner.up.sql": "ALTER TABLE base ADD COLUMN owner text;\n",
  "000002_owner.down.sql": "ALTER TABLE base DROP COLUMN owner;\n",
};

function remove({ folder }: Scene, ...files: readonly string[]): void {
  for (const file of files) rmSync(join(folder, file));
}

async function names({ database }: Scene): Promise<unknown[]> {
  return (await database.query("SELECT name FROM schema_migrations ORDER BY name")).map(({ name }) => name);
}

async function columns({ database }: Scene, table = "base"): Promise<unknown[]> {
  const rows = await database.query(
    `SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('${table}') AND attnum > 0 AND NOT attisdropped ORDER BY 1`,
  );
  return rows.map(({ attname }) => attname);
}

/** As a run is left that was killed: nobody has said how it ended. */
async function asKilled({ database }: Scene): Promise<void> {
  await database.query(
    "UPDATE schema_migration_runs SET state = 'running', ending = NULL, finished_at = NULL WHERE id = (SELECT max(id) FROM schema_migration_runs)",
  );
}

describe("a file that has another number or name", () => {
  it("is never recorded as applied when its content is another one: two branches took one number", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene);
      remove(scene, "000002_owner.up.sql", "000002_owner.down.sql");
      writeFiles(scene.folder, { "000002_tags.up.sql": "ALTER TABLE base ADD COLUMN tags text;\n" });
      const refused = await migrate(scene, ["up", "--yes"]);
      expect(refused).toMatchObject({
        code: 7,
        output: expect.stringContaining("give 000002_tags a free number, for example 000003"),
      });
      for (const argv of [["repair"], ["repair", "2"], ["repair", "000002_tags"]])
        expect([argv, (await migrate(scene, [...argv, "--yes"])).code]).toEqual([
          argv,
          argv.length === 1 ? 7 : 2,
        ]);
      expect(await names(scene)).toEqual(["000001_base", "000002_owner"]);
      // The advice, followed.
      remove(scene, "000002_tags.up.sql");
      writeFiles(scene.folder, {
        "000002_owner.up.sql": two["000002_owner.up.sql"],
        "000003_tags.up.sql": "ALTER TABLE base ADD COLUMN tags text;\n",
      });
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({ code: 0 });
      expect(await columns(scene)).toEqual(["owner", "tags", "v"]);
    });
  });

  it("keeps its record when the content is the same, and the file that took its number runs", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene);
      remove(scene, "000002_owner.up.sql", "000002_owner.down.sql");
      writeFiles(scene.folder, {
        "000002_tags.up.sql": "ALTER TABLE base ADD COLUMN tags text;\n",
        "000003_owner.up.sql": two["000002_owner.up.sql"],
      });
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({ code: 7 });
      expect((await ask(scene, "repair", "--yes")).document).toMatchObject({
        actions: [{ kind: "move", name: "000002_owner" }],
        left: [],
      });
      expect(await names(scene)).toEqual(["000001_base", "000003_owner"]);
      const late = await migrate(scene, ["up", "--yes"]);
      expect(late).toMatchObject({ code: 7, output: expect.stringContaining("000002_tags is not applied") });
      expect(await migrate(scene, ["up", "--yes", "--allow-out-of-order"])).toMatchObject({ code: 0 });
      expect(await columns(scene)).toEqual(["owner", "tags", "v"]);
    });
  });

  it("runs once, also from one timestamp to another, and its down stays with it", async () => {
    await withScene(async (scene) => {
      const update = "UPDATE base SET v = v * 100;\n";
      writeFiles(scene.folder, { ...two, "20260101000000_grow.up.sql": update });
      await migrate(scene);
      remove(scene, "20260101000000_grow.up.sql");
      writeFiles(scene.folder, {
        "20260202000000_grow.up.sql": update,
        "20260202000000_grow.down.sql": "UPDATE base SET v = v / 100;\n",
      });
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({ code: 7 });
      expect(await migrate(scene, ["repair", "--yes"])).toMatchObject({ code: 0 });
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({ code: 0 });
      expect(await scene.database.query("SELECT v FROM base")).toEqual([{ v: 100 }]);
      expect(await migrate(scene, ["down", "-n", "1", "--yes"])).toMatchObject({ code: 0 });
      expect(await scene.database.query("SELECT v FROM base")).toEqual([{ v: 1 }]);
    });
  });

  it("is recorded in place of the old one where a person names that very migration", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene);
      remove(scene, "000002_owner.up.sql", "000002_owner.down.sql");
      writeFiles(scene.folder, { "000002_owners.up.sql": "ALTER TABLE base ADD owner text;\n" });
      expect(await migrate(scene, ["repair", "000002_owners", "--as", "applied", "--yes"])).toMatchObject({
        code: 0,
      });
      expect(await names(scene)).toEqual(["000001_base", "000002_owners"]);
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({ code: 0 });
    });
  });

  it("is not begun again from its beginning while it is half-done", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_base.up.sql": two["000001_base.up.sql"],
        "000002_grow.up.sql": `${outside}UPDATE base SET v = v * 100;\nSELECT missing();\n`,
      });
      expect((await migrate(scene)).code).toBe(6);
      const text = `${outside}UPDATE base SET v = v * 100;\nSELECT missing();\n`;
      remove(scene, "000002_grow.up.sql");
      writeFiles(scene.folder, { "000003_grow.up.sql": text });
      const { code, output } = await migrate(scene);
      expect(code).toBe(7);
      expect(output).toContain(
        "The file with the same content is now called 000003_grow. Give it its old name back",
      );
      expect(await scene.database.query("SELECT v FROM base")).toEqual([{ v: 100 }]);
      // Without the directive it would be one transaction, from its beginning.
      remove(scene, "000003_grow.up.sql");
      writeFiles(scene.folder, { "000002_grow.up.sql": "UPDATE base SET v = v * 100;\n" });
      expect(await migrate(scene)).toMatchObject({
        code: 7,
        output: expect.stringContaining("Put the directive back so that the run can be resumed"),
      });
      expect(await scene.database.query("SELECT v FROM base")).toEqual([{ v: 100 }]);
    });
  });
});

describe("migrate repair by itself", () => {
  it("stamps an edit of comments and white space; any other edit takes its name", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene);
      writeFiles(scene.folder, {
        "000001_base.up.sql": "-- why\nCREATE TABLE  base (v int);\nINSERT INTO base VALUES (1);\n",
        "000002_owner.up.sql": "ALTER TABLE base ADD COLUMN owner varchar;\n",
      });
      const { code, document } = await ask(scene, "repair", "--yes");
      expect(code).toBe(7);
      expect(document).toMatchObject({
        actions: [{ kind: "restamp", name: "000001_base" }],
        left: [{ name: "000002_owner", sentence: expect.stringContaining("`migrate repair 000002_owner`") }],
      });
      expect((await migrate(scene)).code).toBe(7);
      expect((await migrate(scene, ["repair", "000002_owner", "--yes"])).code).toBe(0);
      expect((await migrate(scene)).code).toBe(0);
    });
  });

  it("forgets no migration whose file is gone", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { ...two, "000003_last.up.sql": "SELECT 1;\n" });
      await migrate(scene);
      remove(scene, "000002_owner.up.sql", "000002_owner.down.sql");
      expect((await migrate(scene, ["repair", "--yes"])).code).toBe(7);
      expect(await names(scene)).toEqual(["000001_base", "000002_owner", "000003_last"]);
    });
  });

  it("asks about the database or the image when nothing of the folder fits", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene);
      remove(scene, ...Object.keys(two));
      writeFiles(scene.folder, { "000001_other.up.sql": "CREATE TABLE other ();\n" });
      for (const argv of [
        ["up", "--yes"],
        ["repair", "--yes"],
      ])
        expect(await migrate(scene, argv)).toMatchObject({
          code: 7,
          output: expect.stringContaining(
            "Is it the wrong database, or the wrong image or folder (MIGRATIONS_DIR)?",
          ),
        });
      expect(await names(scene)).toEqual(["000001_base", "000002_owner"]);
    });
  });
});

describe("directives of an applied migration", () => {
  const breaking =
    "-- migrate: breaking\n-- migrate: irreversible the column is gone\nALTER TABLE base DROP COLUMN v;\n";

  async function repaired(scene: Scene): Promise<number | undefined> {
    await migrate(scene);
    writeFiles(scene.folder, { "000002_drop.up.sql": `${breaking}-- a word more\n` });
    return (await migrate(scene, ["repair", "--yes"])).code;
  }

  async function recorded(scene: Scene): Promise<number | undefined> {
    await scene.database.query("CREATE TABLE base ()");
    return (await migrate(scene, ["baseline", "2", "--yes"])).code;
  }

  it.each([
    ["repair", repaired],
    ["baseline", recorded],
  ])("are kept by %s: an older image is still too old", async (_how, record) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_base.up.sql": two["000001_base.up.sql"],
        "000002_drop.up.sql": breaking,
      });
      expect(await record(scene)).toBe(0);
      expect(await migrate(scene, ["down", "-n", "1", "--yes"])).toMatchObject({
        code: 7,
        output: expect.stringContaining("000002_drop is irreversible: the column is gone."),
      });
      remove(scene, "000002_drop.up.sql");
      for (const argv of [["check"], ["up", "--yes"]]) expect((await migrate(scene, argv)).code).toBe(9);
    });
  });

  it("are not weakened by a repair without a name", async () => {
    await withScene(async (scene) => {
      const text = "ALTER TABLE base DROP COLUMN v;\n";
      writeFiles(scene.folder, {
        "000001_base.up.sql": two["000001_base.up.sql"],
        "000002_drop.up.sql": `-- migrate: breaking\n${text}`,
      });
      await migrate(scene);
      writeFiles(scene.folder, { "000002_drop.up.sql": text });
      expect((await migrate(scene, ["repair", "--yes"])).code).toBe(7);
      remove(scene, "000002_drop.up.sql");
      expect((await migrate(scene, ["check"])).code).toBe(9);
    });
  });

  it("outlive a repair by an earlier release, which recorded none and no text", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_base.up.sql": two["000001_base.up.sql"],
        "000002_drop.up.sql": "-- migrate: breaking\nALTER TABLE base DROP COLUMN v;\n",
      });
      await migrate(scene);
      await scene.database.query(
        `INSERT INTO schema_migration_runs (version, name, kind, direction, state, checksum, started_at, finished_at, host, headgate_version, image_revision, attempts)
         SELECT version, name, kind, 'repair', 'applied', checksum, now(), now(), host, headgate_version, image_revision, 0 FROM schema_migration_runs WHERE name = '000002_drop'`,
      );
      remove(scene, "000002_drop.up.sql");
      expect((await migrate(scene, ["check"])).code).toBe(9);
    });
  });
});

describe.each(["failed", "was killed"])("a half-done migration that %s", (how) => {
  const files = {
    ...two,
    "000002_owner.up.sql": `${outside}ALTER TABLE base ADD COLUMN owner text;\nALTER TABLE base ADD COLUMN team missing;\n`,
  };

  it("keeps what is beneath it from being reverted, until it is finished or settled", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      expect((await migrate(scene)).code).toBe(6);
      if (how === "was killed") await asKilled(scene);
      for (const argv of [
        ["down", "-n", "1", "--yes"],
        ["down", "--to", "0", "--yes"],
        ["redo", "--yes"],
      ])
        expect(await migrate(scene, argv)).toMatchObject({
          code: 7,
          output: expect.stringContaining(
            "The up of 000002_owner stopped after statement 1 of 2. Beneath it nothing is reverted. Finish it with `migrate up`, or settle it",
          ),
        });
      expect(await columns(scene)).toEqual(["owner", "v"]);
      writeFiles(scene.folder, {
        "000002_owner.up.sql": files["000002_owner.up.sql"].replace("missing", "text"),
      });
      expect((await migrate(scene)).code).toBe(0);
      expect(await columns(scene)).toEqual(["owner", "team", "v"]);
    });
  });

  it("is not resumed where an earlier release has reverted something beneath it", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      expect((await migrate(scene)).code).toBe(6);
      if (how === "was killed") await asKilled(scene);
      // What today's `down -n 1` of that release did.
      await scene.database.query(
        `DROP TABLE base; DELETE FROM schema_migrations WHERE name = '000001_base';
         INSERT INTO schema_migration_runs (version, name, kind, direction, state, started_at, finished_at, host, headgate_version, image_revision)
         VALUES (1, '000001_base', 'sql', 'down', 'reverted', now(), now(), 'h', '0', '')`,
      );
      const { code, output } = await migrate(scene);
      expect(code).toBe(7);
      expect(output).toContain(
        "000002_owner stopped after statement 1 of 2, and then 000001_base was reverted beneath it",
      );
      writeFiles(scene.folder, {
        "000002_owner.up.sql": files["000002_owner.up.sql"].replace("missing", "text"),
      });
      expect((await migrate(scene, ["repair", "2", "--as", "pending", "--yes"])).code).toBe(0);
      expect((await migrate(scene)).code).toBe(0);
      expect(await columns(scene)).toEqual(["owner", "team", "v"]);
    });
  });
});

describe("a redo that was interrupted", () => {
  const redone = {
    ...two,
    "000002_owner.down.sql": `${outside}ALTER TABLE base DROP COLUMN owner;\nSELECT gone();\n`,
  };

  it.each([
    ["redo", "--yes"],
    ["up", "--yes"],
  ])("between its halves is finished by `migrate %s`, and nothing else is reverted", async (...argv) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene);
      writeFiles(scene.folder, { "000002_owner.up.sql": "ALTER TABLE base ADD COLUMN owner missing;\n" });
      expect((await migrate(scene, ["redo", "--yes"])).code).toBe(6);
      expect(await names(scene)).toEqual(["000001_base"]);
      const down = await migrate(scene, ["down", "-n", "1", "--yes"]);
      expect(down).toMatchObject({
        code: 7,
        output: expect.stringContaining("A redo of 000002_owner was interrupted."),
      });
      writeFiles(scene.folder, { "000002_owner.up.sql": two["000002_owner.up.sql"] });
      expect((await migrate(scene, argv)).code).toBe(0);
      expect(await names(scene)).toEqual(["000001_base", "000002_owner"]);
      expect(await scene.database.query("SELECT v, owner FROM base")).toEqual([{ v: 1, owner: null }]);
      expect((await migrate(scene, ["down", "-n", "1", "--yes"])).code).toBe(0);
    });
  });

  it.each([
    ["redo", "--yes"],
    ["up", "--yes"],
  ])("half-way down is finished by `migrate %s`, with what is pending", async (...argv) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { ...redone, "000002_owner.up.sql": two["000002_owner.up.sql"] });
      await migrate(scene);
      expect((await migrate(scene, ["redo", "--yes"])).code).toBe(6);
      await asKilled(scene);
      await scene.database.query("CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT 1'");
      expect((await migrate(scene, ["down", "-n", "1", "--yes"])).code).toBe(7);
      writeFiles(scene.folder, { "000003_more.up.sql": "CREATE TABLE more ();\n" });
      expect((await migrate(scene, argv)).code).toBe(0);
      expect(await columns(scene)).toEqual(["owner", "v"]);
      expect(await names(scene)).toEqual([
        "000001_base",
        "000002_owner",
        ...(argv[0] === "up" ? ["000003_more"] : []),
      ]);
    });
  });

  it("may be left reverted by a person's word", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene);
      writeFiles(scene.folder, { "000002_owner.up.sql": "ALTER TABLE base ADD COLUMN owner missing;\n" });
      expect((await migrate(scene, ["redo", "--yes"])).code).toBe(6);
      expect((await migrate(scene, ["repair", "2", "--as", "pending", "--yes"])).code).toBe(0);
      expect((await migrate(scene, ["down", "-n", "1", "--yes"])).code).toBe(0);
      expect(await names(scene)).toEqual([]);
    });
  });
});

describe("a row of the ledger that somebody swallows", () => {
  it.each([
    ["a trigger on the names that returns nothing", "schema_migrations", "BEFORE INSERT", "RETURN NULL;"],
    ["a trigger on the runs that returns nothing", "schema_migration_runs", "BEFORE INSERT", "RETURN NULL;"],
    [
      "a trigger that deletes the name behind us",
      "schema_migrations",
      "AFTER INSERT",
      "DELETE FROM public.schema_migrations WHERE name = NEW.name; RETURN NULL;",
    ],
    [
      "a trigger that renames the run",
      "schema_migration_runs",
      "BEFORE INSERT",
      "NEW.name := 'other'; RETURN NEW;",
    ],
  ])("by %s is noticed in its transaction: exit 7, nothing applied", async (_who, table, when, body) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { ...two, "000003_out.up.sql": `${outside}CREATE TABLE outside ();\n` });
      await migrate(scene, ["up", "-n", "1", "--yes"]);
      await scene.database.query(
        `CREATE FUNCTION eat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
         CREATE TRIGGER eat ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION eat()`,
      );
      for (const again of [1, 2]) {
        const { code, output } = await migrate(scene);
        expect({ again, code, output }).toEqual({
          again,
          code: 7,
          output: expect.stringContaining("a trigger, a rule or the migration itself changes"),
        });
        expect(await columns(scene)).toEqual(["v"]);
      }
      await scene.database.query(`DROP TRIGGER eat ON ${table}`);
      expect((await migrate(scene)).code).toBe(0);
      await scene.database.query(
        `CREATE TRIGGER eat ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION eat()`,
      );
      writeFiles(scene.folder, { "000004_out.up.sql": `${outside}CREATE TABLE later ();\n` });
      expect((await migrate(scene)).code).toBe(7);
    });
  });

  it("by a rule is noticed too, and by a trigger that waits for COMMIT", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "-n", "1", "--yes"]);
      await scene.database.query("CREATE RULE eat AS ON INSERT TO schema_migrations DO INSTEAD NOTHING");
      expect((await migrate(scene)).code).toBe(7);
      expect(await columns(scene)).toEqual(["v"]);
      await scene.database.query(
        `DROP RULE eat ON schema_migrations;
         CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM public.schema_migrations WHERE name = NEW.name; RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON schema_migrations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()`,
      );
      expect(await migrate(scene)).toMatchObject({
        code: 7,
        output: expect.stringContaining("a row that Headgate wrote to its ledger is not there"),
      });
      expect((await migrate(scene)).code).toBe(7);
    });
  });
});

describe("a trigger on the ledger that fails", () => {
  it("is named, with what it said: exit 7, nothing applied", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "-n", "1", "--yes"]);
      await scene.database.query(
        `CREATE TABLE audit (note text);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit VALUES (NEW.name); RETURN NEW; END $$;
         CREATE TRIGGER note BEFORE INSERT ON schema_migrations FOR EACH ROW EXECUTE FUNCTION note()`,
      );
      expect(await migrate(scene)).toMatchObject({
        code: 7,
        output: expect.stringContaining(
          'a trigger on "public"."schema_migrations" or "public"."schema_migration_runs" failed: relation "audit" does not exist',
        ),
      });
      expect(await columns(scene)).toEqual(["v"]);
    });
  });
});

describe("two tables that disagree", () => {
  const doubling = { ...two, "000002_owner.up.sql": "UPDATE base SET v = v * 2;\n" };

  it("are a conflict by the query of the fast path, and no advice runs anything twice", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, doubling);
      await migrate(scene);
      await scene.database.query(
        "CREATE TABLE saved AS TABLE schema_migrations; DELETE FROM schema_migrations",
      );
      for (const argv of [
        ["up", "--yes"],
        ["up", "--yes", "--allow-out-of-order"],
        ["check"],
        ["down", "-n", "1", "--yes"],
        ["redo", "--yes"],
        ["baseline", "2", "--yes"],
      ])
        expect([argv, (await migrate(scene, argv)).code]).toEqual([argv, 7]);
      expect(await scene.database.query("SELECT v FROM base")).toEqual([{ v: 2 }]);
      for (const name of ["000001_base", "000002_owner"])
        expect((await migrate(scene, ["repair", name, "--as", "applied", "--yes"])).code).toBe(0);
      expect((await migrate(scene)).code).toBe(0);
      expect(await scene.database.query("SELECT v FROM base")).toEqual([{ v: 2 }]);
    });
  });

  it("are one also when a name comes back that was reverted", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene);
      await migrate(scene, ["down", "-n", "1", "--yes"]);
      await scene.database.query(
        "INSERT INTO schema_migrations (name, run_on) VALUES ('000002_owner', now())",
      );
      for (const argv of [["up", "--yes"], ["check"], ["down", "-n", "1", "--yes"]])
        expect([argv, (await migrate(scene, argv)).code]).toEqual([argv, 7]);
      expect((await migrate(scene, ["repair", "000002_owner", "--as", "pending", "--yes"])).code).toBe(0);
      expect((await migrate(scene)).code).toBe(0);
      expect(await columns(scene)).toEqual(["owner", "v"]);
    });
  });

  it("are none where node-pg-migrate itself has recorded a name: that is accepted", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await scene.database.query(
        `CREATE TABLE base (v int); CREATE TABLE schema_migrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
         INSERT INTO schema_migrations (name, run_on) VALUES ('000001_base', now())`,
      );
      expect((await migrate(scene)).code).toBe(0);
      expect(
        await scene.database.query(
          "SELECT name, direction, state, checksum FROM schema_migration_runs ORDER BY id",
        ),
      ).toMatchObject([
        { name: "000001_base", direction: "baseline", state: "applied", checksum: null },
        { name: "000002_owner", direction: "up", state: "applied" },
      ]);
    });
  });
});

describe("a name that stands there twice", () => {
  it("is refused by the database, and in an older ledger named before anything runs", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "-n", "1", "--yes"]);
      const again = "INSERT INTO schema_migrations (name, run_on) VALUES ('000001_base', now())";
      await expect(scene.database.query(again)).rejects.toMatchObject({ code: "23505" });
      await scene.database.query(`DROP INDEX schema_migrations_name_idx; ${again}`);
      expect(await migrate(scene)).toMatchObject({
        code: 7,
        output: expect.stringContaining("000001_base is recorded as applied more than once"),
      });
      expect((await migrate(scene, ["repair", "000001_base", "--yes"])).code).toBe(0);
      expect((await migrate(scene)).code).toBe(0);
      await expect(scene.database.query(again)).rejects.toMatchObject({ code: "23505" });
    });
  });
});

describe("two projects whose tables of names differ in a final s", () => {
  const one = { MIGRATIONS_TABLE: "app_migration" };
  const other = { MIGRATIONS_TABLE: "app_migrations" };

  it("have a table of runs each", async () => {
    await withScene(async (scene) => {
      for (const [name, env] of [
        ["first", one],
        ["other", other],
        ["first", one],
        ["other", other],
      ] as const) {
        const folder = join(scene.folder, name);
        writeFiles(folder, { [`000001_${name}.up.sql`]: `CREATE TABLE ${name} ();\n` });
        expect((await migrate({ ...scene, folder }, ["up", "--yes"], env)).code).toBe(0);
      }
      expect(
        await scene.database.query(
          "SELECT (SELECT count(*)::int FROM app_migration_run_history) AS one, (SELECT count(*)::int FROM app_migration_runs) AS other",
        ),
      ).toEqual([{ one: 1, other: 1 }]);
    });
  });

  it("are told apart where an earlier release had them share one", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_first.up.sql": "SELECT 1;\n" });
      await migrate(scene, ["up", "--yes"], other);
      await scene.database.query(
        `CREATE TABLE app_migration (id serial, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
         INSERT INTO app_migration (name, run_on) VALUES ('000009_theirs', now());
         INSERT INTO app_migration_runs (version, name, kind, direction, state, started_at, finished_at, host, headgate_version, image_revision)
         VALUES (9, '000009_theirs', 'sql', 'up', 'applied', now(), now(), 'h', '0', '')`,
      );
      writeFiles(scene.folder, { "000002_second.up.sql": "SELECT 2;\n" });
      expect((await migrate(scene, ["up", "--yes"], other)).code).toBe(0);
      await scene.database.query("DROP TABLE app_migrations");
      const { output } = await migrate(scene, ["up", "--yes"], other);
      expect(output).toContain("records 2 migrations as applied");
      expect(output).not.toContain("drop ");
    });
  });

  it("leave a table of runs its name that an earlier release made for one of them alone", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_first.up.sql": "SELECT 1;\n" });
      await migrate(scene, ["up", "--yes"], one);
      await scene.database.query("ALTER TABLE app_migration_run_history RENAME TO app_migration_runs");
      writeFiles(scene.folder, { "000002_second.up.sql": "SELECT 2;\n" });
      expect((await migrate(scene, ["up", "--yes"], one)).code).toBe(0);
      expect(
        await scene.database.query(
          "SELECT to_regclass('app_migration_run_history') AS fresh, count(*)::int AS runs FROM app_migration_runs",
        ),
      ).toEqual([{ fresh: null, runs: 2 }]);
    });
  });
});

describe("texts in the ledger", () => {
  const password = "hunter2-and-more";
  const secret = `-- migrate: secret\nCREATE TABLE account (word text DEFAULT '${password}');\n`;

  it("are none of a file marked as secret: not in the ledger, in history, in an error, in a notice, in a script", async () => {
    await withScene(async (scene) => {
      const shown: string[] = [];
      const note = async (argv: readonly string[]): Promise<number | undefined> => {
        const { code, output } = await migrate(scene, [...argv]);
        shown.push(output);
        return code;
      };
      writeFiles(scene.folder, {
        "000001_secret.up.sql": `${secret}DO $$ BEGIN RAISE NOTICE '${password}'; END $$;\nSELECT '${password}'::int;\n`,
        "000001_secret.down.sql": `-- ${password}\nDROP TABLE account;\n`,
      });
      expect(await note(["up", "--yes"])).toBe(6);
      writeFiles(scene.folder, {
        "000001_secret.up.sql": `-- migrate: secret\n-- migrate: no-transaction\nSELECT 1;\nSELECT '${password}'::int;\n`,
      });
      expect(await note(["up", "--yes"])).toBe(6);
      expect(await note(["sql"])).toBe(3);
      await migrate(scene, ["repair", "1", "--as", "pending", "--yes"]);
      writeFiles(scene.folder, { "000001_secret.up.sql": secret });
      expect(await note(["sql"])).toBe(3);
      expect(await note(["up", "--yes"])).toBe(0);
      expect(await note(["history", "--texts", "--json"])).toBe(0);
      expect(await note(["status"])).toBe(0);
      expect(shown.filter((text) => text.includes(password))).toEqual([]);
      expect(
        await scene.database.query(
          `SELECT count(*)::int AS leaks FROM schema_migration_runs r WHERE to_jsonb(r)::text LIKE '%${password}%'`,
        ),
      ).toEqual([{ leaks: 0 }]);
      remove(scene, "000001_secret.up.sql", "000001_secret.down.sql");
      writeFiles(scene.folder, { "000000_other.up.sql": "SELECT 1;\n" });
      expect(await migrate(scene, ["down", "-n", "1", "--yes"])).toMatchObject({
        code: 7,
        output: expect.stringContaining("is marked as secret, so the ledger keeps no text of it"),
      });
    });
  });

  it("are kept once, however often a migration fails, and a resume still finds them", async () => {
    await withScene(async (scene) => {
      const text = `${outside}CREATE TABLE half ();\nSELECT missing();\n`;
      writeFiles(scene.folder, {
        "000001_fails.up.sql": `SELECT missing(), '${"x".repeat(2000)}';\n`,
        "000001_fails.down.sql": "SELECT 1;\n",
      });
      for (const again of [1, 2, 3]) expect([again, (await migrate(scene)).code]).toEqual([again, 6]);
      writeFiles(scene.folder, { "000001_fails.up.sql": text });
      for (const again of [1, 2, 3]) expect([again, (await migrate(scene)).code]).toEqual([again, 6]);
      expect(
        await scene.database.query(
          "SELECT count(*)::int AS runs, count(up_text)::int AS up, count(down_text)::int AS down FROM schema_migration_runs",
        ),
      ).toEqual([{ runs: 6, up: 2, down: 1 }]);
      const { document } = await ask(scene, "history", "--texts");
      expect(
        (document as { runs: { upText: string }[] }).runs.slice(0, 3).map(({ upText }) => upText),
      ).toEqual([text, text, text]);
      writeFiles(scene.folder, { "000001_fails.up.sql": text.replace("SELECT missing()", "SELECT 1") });
      expect((await migrate(scene)).code).toBe(0);
    });
  });
});

describe("a schema that is half reverted", () => {
  const half = {
    ...two,
    "000002_owner.down.sql": `${outside}ALTER TABLE base DROP COLUMN owner;\nSELECT gone();\n`,
  };

  it("is not at head for check: exit 7 after a down, 3 after a redo, which up finishes", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, half);
      await migrate(scene);
      expect((await migrate(scene, ["redo", "--yes"])).code).toBe(6);
      expect(await migrate(scene, ["check"])).toMatchObject({
        code: 3,
        output: expect.stringContaining("pending: 000002_owner"),
      });
      expect((await migrate(scene, ["repair", "2", "--as", "applied", "--yes"])).code).toBe(0);
      await scene.database.query("ALTER TABLE base ADD COLUMN owner text");
      expect((await migrate(scene, ["check"])).code).toBe(0);
      expect((await migrate(scene, ["down", "-n", "1", "--yes"])).code).toBe(6);
      for (const argv of [["check"], ["up", "--yes"]])
        expect(await migrate(scene, argv)).toMatchObject({
          code: 7,
          output: expect.stringContaining("Finish it with `migrate down -n 1`"),
        });
      await scene.database.query("CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT 1'");
      expect((await migrate(scene, ["down", "-n", "1", "--yes"])).code).toBe(0);
      expect(await columns(scene)).toEqual(["v"]);
    });
  });
});
