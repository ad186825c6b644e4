import { describe, expect, it } from "@jest/globals";
import { runProgram, type ProgramEnd } from "../support/run-program.ts";
import { configOf, withTestSession } from "../support/test-database.ts";
import { withScene, writeFiles } from "./hostile/perform.ts";
import type { Scene } from "./hostile/hostile-case.ts";

const two = {
  "000001_one.up.sql": "CREATE TABLE one (id int);",
  "000001_one.down.sql": "DROP TABLE one;",
  "000002_two.up.sql": "CREATE TABLE two (id int);",
  "000003_later.up.sql": "-- migrate: deferred\nCREATE TABLE later (id int);",
};

/** Commands that only read, with the exit code where one migration is applied and one pending. */
const reading: readonly (readonly [readonly string[], number])[] = [
  [["status"], 0],
  [["check"], 3],
  [["pending"], 3],
  [["current"], 0],
  [["history"], 0],
  [["history", "--texts", "-n", "1"], 0],
  [["info"], 0],
  [["wait"], 0],
  [["up", "--dry-run"], 0],
  [["deferred", "--dry-run"], 0],
];

/** A role that may log in and nothing else; its sessions refuse every write. */
async function withReader(
  scene: Scene,
  ledgerSchema: string,
  work: (url: string, role: string) => Promise<void>,
): Promise<void> {
  const role = `reader_${scene.database.name}`;
  await scene.database.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'reader'; ALTER ROLE ${role} SET default_transaction_read_only = on`,
  );
  try {
    const url = new URL(scene.database.url);
    [url.username, url.password] = [role, "reader"];
    await run(scene, scene.database.url, ["up", "--yes", "-n", "1"], ledgerSchema);
    await work(url.href, role);
  } finally {
    await scene.database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
}

async function run(scene: Scene, url: string, argv: readonly string[], schema: string): Promise<ProgramEnd> {
  const env = { DATABASE_URL: url, MIGRATIONS_DIR: scene.folder, MIGRATIONS_SCHEMA: schema };
  return await runProgram("migrate", { args: [...argv, "--json"], env });
}

describe("the commands that only read", () => {
  it("write nothing: they work in sessions whose transactions are read only, with SELECT on the ledger alone", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await withReader(scene, "ops", async (url, role) => {
        await scene.database.query(
          `GRANT USAGE ON SCHEMA ops TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA ops TO ${role}`,
        );
        for (const [argv, code] of reading) {
          const end = await run(scene, url, argv, "ops");
          expect({ argv, code: end.code, stderr: end.stderr }).toEqual({ argv, code, stderr: "" });
        }
        // The server would have refused anything else.
        await withTestSession(configOf(url).database, async ({ client }) => {
          const write = client.query("CREATE TABLE ops.probe (id int)");
          await expect(write).rejects.toMatchObject({ code: "25006" });
        });
        expect((await run(scene, url, ["up", "--yes"], "ops")).code).toBe(8);
      });
    });
  });

  it("say with 8 what to grant to a role that may not read the ledger, and with that they work", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await withReader(scene, "ops", async (url, role) => {
        const ledger = `"ops"."schema_migration_runs", "ops"."schema_migrations"`;
        const usage = `GRANT USAGE ON SCHEMA "ops" TO ${role};`;
        const select = `GRANT SELECT ON ${ledger} TO ${role};`;
        for (const command of ["status", "check", "pending", "current", "history", "info"]) {
          const { code, stdout } = await run(scene, url, [command], "ops");
          expect([command, code, messageIn(stdout)]).toEqual([
            command,
            8,
            `The role "${role}" lacks a privilege in database "${scene.database.name}": permission denied for schema ops. Reading the ledger takes: ${usage} ${select}`,
          ]);
        }
        await scene.database.query(usage);
        const { code, stdout } = await run(scene, url, ["up", "--dry-run"], "ops");
        expect([code, messageIn(stdout)]).toEqual([
          8,
          expect.stringMatching(new RegExp(`Reading the ledger takes: ${select}$`)),
        ]);
        await scene.database.query(select);
        expect((await run(scene, url, ["status"], "ops")).code).toBe(0);
      });
    });
  });
});

function messageIn(stdout: string): unknown {
  return (JSON.parse(stdout) as { error?: { message: string } }).error?.message;
}
