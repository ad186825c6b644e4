import { describe, expect, it } from "@jest/globals";
import { migrate, withScene, writeFiles } from "./hostile/perform.ts";

const files = {
  "000001_one.up.sql":
    "-- migrate: no-transaction\nCREATE TABLE one (id int);\nCREATE INDEX CONCURRENTLY one_id ON one (id);\nINSERT INTO one VALUES (1);\n",
  "000002_two.up.sql": "CREATE TABLE two (id int);\n",
};

describe("a role that becomes another one when it logs in", () => {
  it.each([
    ["by a setting of its own", true],
    ["by the options of its connection", false],
  ])("%s runs migrations outside a transaction as that one", async (_how, isSetting) => {
    await withScene(async (scene) => {
      const [owner, deployer] = [`${scene.database.name}_owner`, `${scene.database.name}_deployer`];
      const { query } = scene.database;
      try {
        await query(
          `CREATE ROLE ${owner}; CREATE ROLE ${deployer} LOGIN NOINHERIT PASSWORD 'x' IN ROLE ${owner};
           GRANT ALL ON SCHEMA public TO ${owner}; GRANT CREATE ON DATABASE ${scene.database.name} TO ${owner}`,
        );
        if (isSetting) await query(`ALTER ROLE ${deployer} SET role = ${owner}`);
        const url = new URL(scene.database.url);
        url.username = deployer;
        url.password = "x";
        if (!isSetting) url.searchParams.set("options", `-c role=${owner}`);
        writeFiles(scene.folder, files);
        const { code, output } = await migrate(scene, ["up", "--yes"], { DATABASE_URL: url.href });
        expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
        expect(
          await query("SELECT tableowner AS owner FROM pg_tables WHERE schemaname = 'public' GROUP BY 1"),
        ).toEqual([{ owner }]);
      } finally {
        await query(`DROP OWNED BY ${owner}, ${deployer}; DROP ROLE ${deployer}; DROP ROLE ${owner}`);
      }
    });
  });
});
