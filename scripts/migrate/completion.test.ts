import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { commands } from "./commands.ts";
import { completionScript, shells, type CompletionWords } from "./completion.ts";

const words: CompletionWords[] = commands.map(({ name, summary, flags = {} }) => ({
  word: name,
  summary,
  flags: Object.keys(flags).map((flag) => `--${flag}`),
}));

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
    expect(offered("")).toEqual(commands.map(({ name }) => name));
  });

  it("offers the flags of the command that was typed", () => {
    expect(offered("up", "--d")).toEqual(["--dry-run"]);
    expect(offered("nonsense", "--")).toEqual([]);
  });
});

describe("the completions", () => {
  it.each(shells)("name every command: %s", (shell) => {
    const script = completionScript(shell, words);
    expect(words.filter(({ word }) => !new RegExp(`\\b${word}\\b`).test(script))).toEqual([]);
  });

  it("escape what a summary may hold", () => {
    const odd = [{ word: "up", summary: "don't: \\ ", flags: [] }];
    expect(completionScript("zsh", odd)).toContain("'up:don'\\''t\\: \\ '");
    expect(completionScript("fish", odd)).toContain("-d 'don\\'t: \\\\ '");
  });
});
