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

describe("migrate redo", () => {
  it("reverts the newest migration and applies it again, as its file is now", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene, ["up", "--yes"]);
      writeFiles(scene.folder, { "000003_three.up.sql": "CREATE TABLE three (id int, note text);" });
      const { code, document } = await ask(scene, "redo", "--yes");
      expect({ code, document }).toEqual({
        code: 0,
        document: {
          outcome: "redone",
          dataLoss: [
            { migration: "000003_three", action: "drop-table", table: "three", column: null, rows: 0 },
          ],
          name: "000003_three",
          done: [
            expect.objectContaining({ name: "000003_three", direction: "down" }),
            expect.objectContaining({ name: "000003_three", direction: "up" }),
          ],
          failed: null,
        },
      });
      expect(await scene.database.query("SELECT note FROM three")).toEqual([]);
      expect((await ask(scene, "check")).code).toBe(0);
    });
  });

  it("reverts nothing when the way up is not sound", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene, ["up", "--yes"]);
      writeFiles(scene.folder, { "000003_three.up.sql": "BEGIN; COMMIT; SELECT 1;" });
      const { code, output } = await migrate(scene, ["redo", "--yes"]);
      expect({ code, output }).toEqual({
        code: 7,
        output: expect.stringContaining("000003_three.up.sql controls transactions by itself"),
      });
      expect(await scene.database.query("SELECT id FROM three")).toEqual([]);
    });
  });

  it("tells that it could not apply again what it has reverted", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      await migrate(scene, ["up", "--yes"]);
      writeFiles(scene.folder, { "000003_three.up.sql": "CREATE TABLE one (id int);" });
      const { code, output } = await migrate(scene, ["redo", "--yes"]);
      expect({ code, output }).toEqual({
        code: 6,
        output: expect.stringContaining(
          "000003_three was reverted, and could not be applied again; it is pending.",
        ),
      });
    });
  });

  it("needs --yes where there is no terminal, and has nothing to do on an empty database", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, three);
      expect(await ask(scene, "redo")).toMatchObject({ code: 0, document: { outcome: "nothing-to-do" } });
      await migrate(scene, ["up", "--yes"]);
      expect(await migrate(scene, ["redo"])).toMatchObject({
        code: 2,
        output: expect.stringMatching(/no terminal/),
      });
    });
  });
});
