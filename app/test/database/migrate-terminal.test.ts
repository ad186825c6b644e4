import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../version.ts";
import { runProgram } from "../support/run-program.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import type { Scene } from "./hostile/hostile-case.ts";
import { withScene, writeFiles } from "./hostile/perform.ts";

/** util-linux' script gives a program a terminal of its own. */
const hasScript = /util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout);
if (!hasScript)
  process.stderr.write("skipped: migrate on a real terminal: there is no script of util-linux\n");
const onTerminal = hasScript ? it : it.skip;

const files = { "000001_one.up.sql": "CREATE TABLE one (id int);", "000001_one.down.sql": "DROP TABLE one;" };

/**
 * Runs `migrate up` on a terminal, types the keys at its question, and returns all that was to be read, with the exit
 * code and whether the terminal was left as a shell wants it.
 */
async function typeAtQuestion(scene: Scene, keys: string): Promise<string> {
  const program = `"${process.execPath}" "${join(projectRoot, "dist", "scripts", "migrate.js")}" up`;
  const command = `trap : INT; ${program}; echo "exit $?"; stty -a | grep -Eo -- '-?(icanon|echo|isig)\\b' | sort | tr '\\n' ' '`;
  const child = spawn("script", ["-qc", command, "/dev/null"], {
    env: {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      SHELL: "/bin/sh",
      TERM: "xterm",
      NO_COLOR: "1",
      DATABASE_URL: scene.database.url,
      MIGRATIONS_DIR: scene.folder,
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    await waitForCondition("the question", () => text.includes("[y/N] "), { timeout: 20_000 });
    child.stdin.write(keys);
    await waitForCondition("the end", () => text.includes("isig"), { timeout: 20_000 });
  } finally {
    child.stdin.end();
    child.kill();
    await ended;
  }
  return text.replaceAll("\r", "").replaceAll(/\d+ ms/g, "N ms");
}

describe("migrate on a real terminal", () => {
  onTerminal("ends with 130 at Ctrl-C, and the terminal is as it was", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      expect(await typeAtQuestion(scene, "\u0003")).toMatch(
        /Apply them\? \[y\/N\] \^C\nerror: Stopped by SIGINT; .*\nexit 130\necho icanon isig/,
      );
    });
  });

  onTerminal("takes Ctrl-D for a no", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      expect(await typeAtQuestion(scene, "\u0004")).toMatch(
        /Apply them\? \[y\/N\] \nNothing was touched\.\nexit 3\necho icanon isig/,
      );
    });
  });

  onTerminal("goes on after a yes", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      expect(await typeAtQuestion(scene, "y\n")).toMatch(
        /applied {3}000001_one {2}N ms\n1 migration applied in N ms; the schema is at 000001_one\.\nexit 0\n/,
      );
    });
  });
});

describe("scripts/migrate.sh", () => {
  it("runs from any folder, through a link, with spaces in the paths; --build compiles first", async () => {
    const folder = mkdtempSync(join(tmpdir(), "headgate two words "));
    try {
      const link = join(folder, "my migrate");
      symlinkSync(join(projectRoot, "scripts", "migrate.sh"), link);
      writeFiles(join(folder, "my migrations"), files);
      const env = { MIGRATIONS_DIR: join(folder, "my migrations") };
      for (const args of [
        ["check", "--offline"],
        ["--build", "check", "--offline"],
        ["check", "--build", "--offline"],
      ])
        expect(await runProgram(link, { args, env, cwd: folder })).toMatchObject({
          code: 0,
          stdout: "1 migration, all sound.\n",
        });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
