import { cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../version.ts";
import { migrate, withScene } from "./hostile/perform.ts";

const fixture = join(projectRoot, "app", "test", "fixtures", "ledger-2ddc559", "half-down");

describe("migrate repair of a migration whose down was interrupted", () => {
  it.each([
    [
      "moves no record, which would hide that half of it is reverted",
      "000002_other",
      (folder: string) => {
        for (const direction of ["up", "down"])
          renameSync(
            join(folder, `000002_half.${direction}.sql`),
            join(folder, `000002_other.${direction}.sql`),
          );
      },
    ],
    [
      "stamps no edit of a comment",
      "000002_half",
      (folder: string) => {
        const file = join(folder, "000002_half.up.sql");
        writeFileSync(file, readFileSync(file, "utf8").replace("\n", "\n-- A comment.\n"));
      },
    ],
  ])("%s", async (_title, name, edit) => {
    await withScene(async (scene) => {
      cpSync(join(fixture, "migrations"), scene.folder, { recursive: true });
      await scene.database.query(readFileSync(join(scene.folder, "000001_base.up.sql"), "utf8"));
      await scene.database.query(readFileSync(join(fixture, "ledger.sql"), "utf8"));
      edit(scene.folder);
      const names = async (): Promise<unknown> =>
        await scene.database.query("SELECT name FROM schema_migrations ORDER BY name");
      const before = await names();
      const settle = "migrate repair 000002_half --as applied";
      expect(await migrate(scene, ["repair", "--yes"])).toEqual({
        code: 7,
        output: expect.stringContaining(settle),
      });
      expect((await migrate(scene, ["repair", name, "--yes"])).output).toContain(settle);
      expect(await names()).toEqual(before);
      expect((await migrate(scene)).code).toBe(7);
    });
  });
});
