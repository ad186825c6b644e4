import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../version.ts";
import { withTestSession } from "../support/test-database.ts";
import type { Scene } from "./hostile/hostile-case.ts";
import { migrate, withScene, writeFiles } from "./hostile/perform.ts";

const fixtures = join(projectRoot, "app", "test", "fixtures", "ledger-2ddc559");
const quiet = { LOG_LEVEL: "silent" };
const newMigration = { "000099_new.up.sql": "CREATE TABLE new_table ();\n" };

/** A database and a folder as the release before left them. */
async function withOldLedger(name: string, work: (scene: Scene) => Promise<void>): Promise<void> {
  await withScene(async (scene) => {
    cpSync(join(fixtures, name, "migrations"), scene.folder, { recursive: true });
    await scene.database.query(readFileSync(join(scene.folder, "000001_base.up.sql"), "utf8"));
    await scene.database.query(readFileSync(join(fixtures, name, "ledger.sql"), "utf8"));
    await work(scene);
  });
}

async function shape({ database }: Scene): Promise<unknown> {
  const [row] = await database.query(
    `SELECT count(*) FILTER (WHERE attname IN ('ending', 'intent', 'resume_blocked', 'backend_pid', 'backend_start'))::int AS columns,
            EXISTS (SELECT FROM pg_index WHERE indrelid = 'schema_migrations'::regclass AND indisunique AND NOT indisprimary) AS "unique"
       FROM pg_attribute WHERE attrelid = 'schema_migration_runs'::regclass AND attnum > 0`,
  );
  return row;
}

const sums = async ({ database }: Scene): Promise<unknown> =>
  (await database.query("SELECT n, count(*)::int AS rows FROM items GROUP BY n"))[0];

describe("a ledger of the release before", () => {
  it("is read as it is, and a start with nothing pending changes nothing of it", async () => {
    await withOldLedger("every-kind", async (scene) => {
      expect(await migrate(scene, ["up", "--to", "11", "--yes"], quiet)).toMatchObject({ code: 0 });
      expect(await migrate(scene, ["check"], quiet)).toMatchObject({
        code: 3,
        output: expect.stringContaining("pending: 000012_reverted"),
      });
      expect(await shape(scene)).toEqual({ columns: 0, unique: false });
    });
  });

  it("is brought up to date by the next run that changes something, without a person", async () => {
    await withOldLedger("every-kind", async (scene) => {
      writeFiles(scene.folder, newMigration);
      expect((await migrate(scene)).code).toBe(0);
      expect(await shape(scene)).toEqual({ columns: 5, unique: true });
      expect((await migrate(scene, ["check"])).code).toBe(0);
    });
  });

  it("waits for a quieter moment while somebody holds it, and no migration fails for that", async () => {
    await withOldLedger("every-kind", async (scene) => {
      writeFiles(scene.folder, newMigration);
      await withTestSession(scene.database.address, async ({ client }) => {
        await client.query(
          "BEGIN; SELECT FROM schema_migration_runs; SELECT FROM schema_migrations; LOCK TABLE schema_migrations IN ROW EXCLUSIVE MODE",
        );
        const { code, output } = await migrate(scene);
        expect(code).toBe(0);
        expect(output).toContain(
          "was not brought up to date, since another session holds the table; a later run does it",
        );
        await client.query("ROLLBACK");
      });
      expect(await shape(scene)).toEqual({ columns: 0, unique: false });
      writeFiles(scene.folder, { "000100_newer.up.sql": "CREATE TABLE newer ();\n" });
      expect((await migrate(scene)).code).toBe(0);
      expect(await shape(scene)).toEqual({ columns: 5, unique: true });
    });
  });

  it("serves a role that does not own it as it is", async () => {
    await withOldLedger("every-kind", async (scene) => {
      writeFiles(scene.folder, newMigration);
      const role = `writer_${scene.database.name}`;
      await scene.database.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'writes'; GRANT ALL ON schema_migrations, schema_migration_runs, schema_migrations_id_seq TO ${role}; GRANT CREATE ON SCHEMA public TO ${role};
         GRANT ALL ON SEQUENCE schema_migration_runs_id_seq TO ${role}`,
      );
      try {
        const url = new URL(scene.database.url);
        [url.username, url.password] = [role, "writes"];
        writeFiles(scene.folder, { "000012_reverted.up.sql": "SELECT 1;\n" });
        const { code, output } = await migrate({ folder: scene.folder, database: { url: url.href } });
        expect({ code, output }).toEqual({
          code: 0,
          output: expect.stringContaining("since the role that migrates does not own it"),
        });
        expect(await shape(scene)).toEqual({ columns: 0, unique: false });
      } finally {
        await scene.database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    });
  });

  it("with a run that was killed is resumed where it stopped, and the dead run says so", async () => {
    await withOldLedger("half-up", async (scene) => {
      await scene.database.query("UPDATE items SET n = n * 3 + 1");
      expect((await migrate(scene)).code).toBe(0);
      expect(await sums(scene)).toEqual({ n: 5, rows: 5 });
      expect(
        await scene.database.query(
          "SELECT state, ending FROM schema_migration_runs WHERE name = '000002_half' ORDER BY id",
        ),
      ).toEqual([
        { state: "failed", ending: "interrupted" },
        { state: "applied", ending: null },
      ]);
    });
  });

  it.each(["half-down", "redo-in-down"])(
    "with a revert that was killed is finished by down (%s)",
    async (name) => {
      await withOldLedger(name, async (scene) => {
        await scene.database.query("UPDATE items SET n = 1");
        expect((await migrate(scene)).code).toBe(7);
        expect((await migrate(scene, ["down", "-n", "1", "--yes"])).code).toBe(0);
        expect(await sums(scene)).toEqual({ n: 0, rows: 5 });
        expect((await migrate(scene)).code).toBe(0);
        expect(await sums(scene)).toEqual({ n: 5, rows: 5 });
      });
    },
  );

  it("with a redo that was killed on its way up is finished by up", async () => {
    await withOldLedger("redo-in-up", async (scene) => {
      await scene.database.query("UPDATE items SET n = 1");
      expect((await migrate(scene, ["down", "-n", "1", "--yes"])).code).toBe(7);
      expect((await migrate(scene)).code).toBe(0);
      expect(await sums(scene)).toEqual({ n: 5, rows: 5 });
    });
  });
});
