import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { commands } from "./commands.ts";
import { wordsOf } from "./commands/completion.ts";
import { completionScript, shells } from "./completion.ts";

const words = wordsOf(commands);

/** What bash itself offers for these words, the last of which is being typed. */
function offered(...typed: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "headgate-completion-"));
  try {
    const script = join(folder, "migrate");
    writeFileSync(script, completionScript("bash", words));
    const ask =
      'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _migrate; printf "%s\\n" "${COMPREPLY[@]}"';
    const output = execFileSync("bash", ["-euc", ask, "bash", script, "migrate", ...typed], {
      encoding: "utf8",
    });
    return output.split("\n").filter((line) => line !== "");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("the completion for bash", () => {
  it("offers the commands that begin as typed", () => {
    expect(offered("re")).toEqual(["redo", "repair", "reset"]);
    expect(offered("")).toEqual(commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]));
    expect(offered("--json", "downg")).toEqual(["downgrade"]);
  });

  it("offers the flags of the command that was typed", () => {
    expect(offered("up", "--d")).toEqual(["--dry-run"]);
    expect(offered("upgrade", "--allow")).toEqual(["--allow-out-of-order"]);
    expect(offered("nonsense", "--")).toEqual([]);
  });

  it("offers what a flag or an argument may be, where that is fixed", () => {
    expect(offered("baseline", "--adopt", "go")).toEqual(["golang-migrate", "goose"]);
    expect(offered("baseline", "--adopt", "=", "fl")).toEqual(["flyway"]);
    expect(offered("repair", "--as", "=")).toEqual(["applied", "pending"]);
    expect(offered("up", "--log-format", "")).toEqual(["json", "pretty"]);
    expect(offered("completion", "z")).toEqual(["zsh"]);
  });
});

describe("the completions", () => {
  it.each(shells)("name every command: %s", (shell) => {
    const script = completionScript(shell, words);
    expect(words.filter(({ word }) => !new RegExp(`\\b${word}\\b`).test(script))).toEqual([]);
  });

  it("tell fish which flags want a value, and which values there are", () => {
    const script = completionScript("fish", words);
    expect(script).toContain('"__fish_seen_subcommand_from baseline" -l adopt -x -a "golang-migrate');
    expect(script).toContain('"__fish_seen_subcommand_from up" -l to -r\n');
    expect(script).toContain('"__fish_seen_subcommand_from up" -l dry-run\n');
  });

  it("escape what a summary may hold", () => {
    const odd = [{ word: "up", summary: "don't: \\ ", choices: [], flags: [] }];
    expect(completionScript("zsh", odd)).toContain("'up:don'\\''t\\: \\ '");
    expect(completionScript("fish", odd)).toContain("-d 'don\\'t: \\\\ '");
  });
});
