import { describe, expect, it } from "@jest/globals";
import { digestOf, readHistoryDigest } from "../../migrate/history-digest.ts";
import { readKnownMigrations } from "../../migrate/known-migrations.ts";
import { ledgerTables } from "../../migrate/ledger-tables.ts";
import { withTestSession } from "../support/test-database.ts";
import type { Scene } from "./hostile/hostile-case.ts";
import { migrate, withScene, writeFiles } from "./hostile/perform.ts";

const tables = ledgerTables({ migrationsSchema: "public", migrationsTable: "schema_migrations" });

/** Whether `migrate up` would find nothing to do without reading the history. */
async function isShort({ database, folder }: Scene): Promise<boolean> {
  const digest = await withTestSession(database.address, async ({ client }) =>
    readHistoryDigest(client, tables),
  );
  return digest === digestOf(readKnownMigrations({ migrationsDirectory: folder }));
}

const files = {
  "9_a.up.sql": "CREATE TABLE a ();",
  "9_a.down.sql": "DROP TABLE a;",
  "10_b.up.sql": "CREATE TABLE b ();",
  "10_b.down.sql": "DROP TABLE b;",
};

describe("the digest of a history", () => {
  it("is that of the files when all of them are applied, also after a failure and a redo", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { ...files, "11_c.up.sql": "SELECT nothing;" });
      expect(await isShort(scene)).toBe(false);
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({ code: 6 });
      expect(await isShort(scene)).toBe(false);
      writeFiles(scene.folder, { "11_c.up.sql": "CREATE TABLE c ();" });
      expect(await migrate(scene, ["up", "--yes"])).toMatchObject({ code: 0 });
      expect(await isShort(scene)).toBe(true);
      await scene.database.query("DELETE FROM schema_migrations WHERE name = '11_c'");
      expect(await isShort(scene)).toBe(false);
    });
  });

  it.each([
    ["an edited file", { "9_a.up.sql": "CREATE TABLE a (id int);" }, ""],
    ["a new file", { "11_c.up.sql": "SELECT 1;" }, ""],
    ["a name that no file has", {}, "INSERT INTO schema_migrations (name, run_on) VALUES ('12_d', now())"],
    [
      "a name that stands twice",
      {},
      "DROP INDEX schema_migrations_name_idx; INSERT INTO schema_migrations (name, run_on) VALUES ('9_a', now())",
    ],
    [
      "a name whose last run says that it is reverted",
      {},
      "UPDATE schema_migration_runs SET state = 'reverted' WHERE name = '9_a'",
    ],
    [
      "a checksum that nobody recorded",
      {},
      "UPDATE schema_migration_runs SET checksum = NULL WHERE name = '9_a'",
    ],
    [
      "a run that was not finished",
      {},
      "UPDATE schema_migration_runs SET state = 'running' WHERE name = '10_b'",
    ],
  ])("is another one with %s", async (_what, more, sql) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await migrate(scene, ["up", "--yes"]);
      expect(await isShort(scene)).toBe(true);
      writeFiles(scene.folder, more);
      if (sql !== "") await scene.database.query(sql);
      expect(await isShort(scene)).toBe(false);
    });
  });
});
