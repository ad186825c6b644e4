import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../version.ts";
import { runProgram } from "../support/run-program.ts";
import { createTestDatabase } from "../support/test-database.ts";

interface Shown {
  readonly args: readonly string[];
  readonly output: string;
}

/** The commands of "What it looks like" in the README, each with what it shows below. */
function readShown(): Shown[] {
  const readme = readFileSync(join(projectRoot, "README.md"), "utf8");
  const section = /\n## What it looks like\n(.*?)\n## /s.exec(readme)?.[1] ?? "";
  const blocks = [...section.matchAll(/```console\n(.*?)```/gs)].map(([, block = ""]) => block);
  return blocks.flatMap((block) =>
    [...block.matchAll(/^\$ migrate (.*)\n((?:(?!\$ ).*\n)*)/gm)].map(([, typed = "", output = ""]) => ({
      args: typed.split(" "),
      output,
    })),
  );
}

/** What another machine, server or day shows differently; the width of a column goes by it. */
function masked(output: string): string {
  return output
    .replaceAll(/\d+(?:\.\d+)? (?:ms|s)\b/g, "TIME")
    .replaceAll(/\d+(?:\.\d+)? (?:bytes|kB|MB)\b/g, "SIZE")
    .replaceAll(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}Z/g, "MOMENT")
    .replaceAll(/\S+@\S+ \(\S+\)/g, "WHO")
    .replaceAll(/ {2,}/g, "  ");
}

describe("the README", () => {
  it("shows what the commands print, on the database that it says", async () => {
    const database = await createTestDatabase();
    const migrate = async (args: readonly string[]): Promise<Shown> => {
      const { code, stdout, stderr } = await runProgram("migrate", {
        args,
        env: { DATABASE_URL: database.url },
      });
      expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
      return { args, output: stdout };
    };
    try {
      await migrate(["up", "--to", "000004", "--yes"]);
      await database.query(
        `INSERT INTO server SELECT 'io.example/server-' || n FROM generate_series(1, 20000) n;
         INSERT INTO server_version (server_name, version, value, title, is_latest)
           SELECT name, '1.0.0', '{}', 'A server', true FROM server;
         ANALYZE server, server_version`,
      );
      const shown = readShown();
      expect(shown.map(({ args }) => args[0])).toEqual(["plan", "up", "status"]);
      for (const { args, output } of shown)
        expect({ args, output: masked((await migrate(args)).output) }).toEqual({
          args,
          output: masked(output),
        });
    } finally {
      await database.drop();
    }
  });
});
