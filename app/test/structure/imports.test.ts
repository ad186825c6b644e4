import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../version.ts";

/** What the folders of the house may import of each other; docs/architecture.md draws it. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "app/errors.ts": [],
  "app/version.ts": [],
  "app/printable.ts": [],
  "app/log.ts": ["app/errors.ts", "app/printable.ts"],
  "app/config": ["app/errors.ts", "app/version.ts"],
  "app/database": ["app/config", "app/errors.ts"],
  "app/migrate": ["app/database", "app/config", "app/errors.ts", "app/version.ts"],
  "app/registry": ["app/database", "app/config", "app/errors.ts"],
  // Three reads of migrate, for readiness, metrics and the page about the schema.
  "app/http": [
    "app/registry",
    "app/database",
    "app/config",
    "app/errors.ts",
    "app/version.ts",
    "app/log.ts",
    "app/migrate/readiness.ts",
    "app/migrate/migration-times.ts",
    "app/migrate/schema-overview.ts",
  ],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

const imports = sourceFiles("app").concat(sourceFiles("scripts")).flatMap(importsOf);

describe("imports", () => {
  it("are found at all", () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it("go one way through the house", () => {
    const wrong = imports.filter(({ from, to }) => {
      const room = Object.keys(allowed).find((name) => from === name || from.startsWith(`${name}/`));
      const isOurs = to.startsWith("app/") || to.startsWith("scripts/");
      if (!isOurs || room === undefined || to.startsWith(`${room}/`)) return false;
      return !allowed[room]!.some((name) => to === name || to.startsWith(`${name}/`));
    });
    expect(wrong).toEqual([]);
  });

  it("never lead from the app to the scripts", () => {
    expect(imports.filter(({ from, to }) => from.startsWith("app/") && to.startsWith("scripts/"))).toEqual(
      [],
    );
  });

  it.each([
    ["express", "app/http/"],
    ["node-pg-migrate", "app/migrate/"],
    ["dotenv", "app/config/"],
  ])("bring %s into %s alone", (name, room) => {
    const users = imports.filter(({ to }) => to === name).map(({ from }) => from);
    expect(users.length).toBeGreaterThan(0);
    expect(users.filter((from) => !from.startsWith(room))).toEqual([]);
  });

  it("keep the pages' templates away from express", () => {
    const pages = imports.filter(({ from, to }) => from.startsWith("app/http/pages/") && to === "express");
    expect(pages.map(({ from }) => from).toSorted()).toEqual([
      "app/http/pages/pages-router.ts",
      "app/http/pages/send-page.ts",
    ]);
  });
});

function sourceFiles(folder: string): string[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.startsWith("app/test/"));
}

function importsOf(from: string): Import[] {
  const text = readFileSync(join(projectRoot, from), "utf8");
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, name = ""]) => ({
    from,
    to: name.startsWith(".") ? relative(projectRoot, join(projectRoot, dirname(from), name)) : name,
  }));
}
