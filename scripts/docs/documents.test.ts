import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../app/version.ts";
import { commands } from "../migrate/commands.ts";
import { commandHelp, overview } from "../migrate/usage.ts";
import { readDocuments } from "./documents.ts";
import { markdownTable } from "./markdown-table.ts";

describe("the documents", () => {
  it.each(readDocuments().map((document) => [basename(document.path), document] as const))(
    "hold the tables of the code: %s (npm run docs)",
    (_name, { current, generated }) => {
      expect(current).toBe(generated);
    },
  );

  it("have tables in which a bar stays in its cell", () => {
    expect(markdownTable(["name", "what"], [["`a || b`", "either|or"]])).toEqual([
      "| name | what |",
      "| --- | --- |",
      "| `a \\|\\| b` | either\\|or |",
    ]);
  });

  it("give a reason for every dependency", () => {
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(projectRoot, "package.json"), "utf8"),
    ) as Record<string, Record<string, string>>;
    const text = readFileSync(join(projectRoot, "docs", "dependencies.md"), "utf8");
    const names = Object.keys({ ...dependencies, ...devDependencies }).filter(
      (name) => !name.startsWith("@types/"),
    );
    expect(names.filter((name) => !text.includes(name))).toEqual([]);
  });

  it("of npm pin every version exactly and name no download address", () => {
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(projectRoot, "package.json"), "utf8"),
    ) as Record<string, Record<string, string>>;
    expect(
      Object.values({ ...dependencies, ...devDependencies }).filter(
        (version) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
      ),
    ).toEqual([]);
    expect(readFileSync(join(projectRoot, "package-lock.json"), "utf8")).not.toContain('"resolved"');
  });
});

describe("the help", () => {
  it("lists every command, and each has a summary and an example that begins with its name", () => {
    const text = overview(commands);
    for (const command of commands) {
      expect(text).toContain(`  ${command.name}`);
      expect(commandHelp(command)).toContain(`Example: ${command.example}`);
      expect(command.example).toMatch(new RegExp(`^migrate ${command.name}\\b`));
    }
  });
});
