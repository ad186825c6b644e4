import { execFile } from "node:child_process";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../version.ts";
import { itUnless } from "../support/it-unless.ts";
import { withTestSession } from "../support/test-database.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";
import type { Scene } from "./hostile/hostile-case.ts";

const two = {
  "000001_one.up.sql": "CREATE TABLE one (id int);",
  "000001_one.down.sql": "DROP TABLE one;",
  "000002_two.up.sql": "CREATE TABLE two (id int);",
  "000002_two.down.sql": "DROP TABLE two;",
};

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write("skipped: a user without a name: only root can become one\n");

const quiet = { LOG_LEVEL: "silent" };
const me = userInfo().username;

/** What a Headgate from before operators were recorded has left. */
async function forgetOperators({ database }: Scene): Promise<void> {
  await database.query("ALTER TABLE schema_migration_runs DROP COLUMN operator");
}

async function recorded({ database }: Scene): Promise<unknown[]> {
  const rows = await database.query("SELECT direction, operator FROM schema_migration_runs ORDER BY id");
  return rows.map(({ direction, operator }) => [direction, operator]);
}

describe("the operator of a migration", () => {
  it("is the user of the operating system, in every record, in history and in status", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["baseline", "1", "--yes"]);
      await migrate(scene, ["up", "--yes"]);
      await migrate(scene, ["down", "-n", "1", "--yes"]);
      writeFiles(scene.folder, { "000001_one.up.sql": "CREATE TABLE one (id int); -- edited" });
      await migrate(scene, ["repair", "--yes"]);
      writeFiles(scene.folder, { "000002_two.up.sql": "SELECT * FROM nowhere;" });
      await migrate(scene, ["up", "--yes"]);
      expect(await recorded(scene)).toEqual([
        ["baseline", me],
        ["up", me],
        ["down", me],
        ["repair", me],
        ["up", me],
      ]);
      const by = `${me}@${hostname()} (${scene.database.address.user})`;
      const { output } = await migrate(scene, ["history"], quiet);
      const lines = output.split("\n").map((line) => line.replace(/^\S+ \S+ +/, "").split(/ {2,}/));
      expect(lines.map(([direction, name, state, , who]) => [direction, name, state, who])).toEqual([
        ["DIRECTION", "NAME", "STATE", "BY"],
        ["up", "000002_two", "failed", by],
        ["", expect.stringContaining('! 42P01: relation "nowhere" does not exist'), undefined, undefined],
        ["repair", "000001_one", "counts as applied", by],
        ["down", "000002_two", "reverted", by],
        ["up", "000002_two", "applied", by],
        ["baseline", "000001_one", "counts as applied", by],
        ["", undefined, undefined, undefined],
        ["", undefined, undefined, undefined],
      ]);
      expect((await migrate(scene, ["status"], quiet)).output).toContain(by);
      expect((await ask(scene, "history", "-n", "1", "--texts")).document).toMatchObject({
        runs: [{ operator: me, upText: "SELECT * FROM nowhere;", downText: "DROP TABLE two;", kind: "sql" }],
      });
    });
  });

  itUnless(isRoot ? undefined : "only root may become another user")(
    "is a number where the user has no name, as in a container",
    async () => {
      const module = pathToFileURL(join(projectRoot, "dist", "app", "migrate", "operator.js")).href;
      const { stdout } = await promisify(execFile)(process.execPath, [
        "--input-type=module",
        "--eval",
        `const { operatorName } = await import("${module}"); process.setuid(54321); console.log(operatorName());`,
      ]);
      expect(stdout).toBe("uid 54321\n");
    },
  );

  it("is added to a ledger that lacks it by the next run that changes something; until then it is unknown", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "--yes", "-n", "1"]);
      await forgetOperators(scene);
      for (const command of ["status", "history", "check", "pending"]) {
        const { document } = await ask(scene, command);
        expect(document).not.toHaveProperty("error");
      }
      expect((await ask(scene, "history")).document).toMatchObject({ runs: [{ operator: null }] });
      expect((await migrate(scene, ["status"], quiet)).output).toContain(
        `${hostname()} (${scene.database.address.user})`,
      );
      await migrate(scene, ["up", "--yes"]);
      expect(await recorded(scene)).toEqual([
        ["up", null],
        ["up", me],
      ]);
    });
  });

  it("is done without, for this run, where somebody reads the ledger for long: nobody waits behind us", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "--yes", "-n", "1"]);
      await forgetOperators(scene);
      await withTestSession(scene.database.address, async ({ client }) => {
        await client.query("BEGIN; SELECT 1 FROM schema_migration_runs");
        expect((await migrate(scene, ["up", "--yes"])).code).toBe(0);
        await client.query("COMMIT");
      });
      expect((await ask(scene, "history")).document).toMatchObject({
        runs: [{ name: "000002_two", operator: null }, { operator: null }],
      });
      await migrate(scene, ["redo", "--yes"]);
      expect((await recorded(scene)).slice(2)).toEqual([
        ["down", me],
        ["up", me],
      ]);
    });
  });

  it("is done without where the table of runs belongs to another role", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene, ["up", "--yes", "-n", "1"]);
      await forgetOperators(scene);
      const role = `writes_${scene.database.name}`;
      await scene.database.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'writes'; GRANT ALL ON SCHEMA public TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
      );
      try {
        const url = new URL(scene.database.url);
        [url.username, url.password] = [role, "writes"];
        const writer = { folder: scene.folder, database: { url: url.href } };
        expect((await migrate(writer, ["up", "--yes"])).code).toBe(0);
        expect((await ask(scene, "history")).document).toMatchObject({
          runs: [{ name: "000002_two", role, operator: null }, {}],
        });
      } finally {
        await scene.database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    });
  });
});
