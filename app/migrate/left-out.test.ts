import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { readMigrationFolder } from "./files.ts";
import { createIgnore } from "./ignored-names.ts";
import { whyLeftOut } from "./left-out.ts";

describe("a name that looks like a migration and is not read", () => {
  it.each([
    "2_b.up.pgsql",
    "2_b.up.go",
    "2_b.go",
    "000002_b.up.sql.bak",
    "000002_b.sql~",
    "000002_b.up.sql.orig",
    "000002_b.up.sql.disabled",
    "000002_b.up.sql.gz",
    "000002_B.SQL.gz",
    "000002_b.up.sql.j2",
    "000002_b.up.sql.txt",
    "#000002_b.up.sql#",
    "000002_b.psql",
    "000002_b.down.psql",
    "000002_b.ddl",
    "000002_b.up.ddl",
    "schema.ddl",
    "b.up.pgsql",
    "000002_b.up",
    "000002_b.up~",
    "000002_b",
    "000002_b.up.txt",
    "000002_b.UP.PGSQL",
    "000002_b.py",
    "20240102030405_create_b.rb",
    "V2__b.java",
    "000002_b.xml",
    "000002_b.ts.bak",
    "000002_b.js~",
  ])("is %s", (name) => {
    expect(whyLeftOut(name)).toMatch(/looks like a migration .*is not run.* MIGRATIONS_IGNORE\.$/);
  });

  it.each([
    "README.md",
    "000002_b.md",
    "000002_notes.txt",
    "000002_b.csv",
    "000002_b.js.map",
    "helpers.ts",
    "package.json",
    "Makefile",
    "scale-up.md",
    "sqlite.db",
    "data.sqlite3",
    "0000_snapshot.json",
    "migrations.lock",
    "tsconfig.json",
    "2024 plan.pdf",
  ])("is not %s", (name) => {
    expect(whyLeftOut(name)).toBeUndefined();
  });

  it("gets a way out", () => {
    expect(whyLeftOut("2_b.up.pgsql")).toBe(
      "looks like a migration and is not run: only .sql, .ts, .js, .mts and .mjs are; rename it to 2_b.up.sql, move it out of this folder, or name it in MIGRATIONS_IGNORE.",
    );
    expect(whyLeftOut("000002_b")).toContain("rename it to 000002_b.up.sql,");
    expect(whyLeftOut("2_b.go")).toContain("rewrite it as SQL, TypeScript or JavaScript,");
    expect(whyLeftOut("2_b.up.sql.bak")).toBe(
      "looks like a migration that was put aside, and is not run; remove it, move it out of this folder, or name it in MIGRATIONS_IGNORE.",
    );
  });
});

describe("a folder of migrations", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "headgate-left-out-"));
    write("000001_a.up.sql");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (...names: string[]): void => {
    for (const name of names) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), "");
    }
  };
  const leftOut = (ignore?: string): string[] => {
    const found: string[] = [];
    readMigrationFolder(folder, { ignore, leftOut: found });
    return found.map((sentence) => sentence.split(" ", 1)[0]!);
  };

  it("says which sub-folders hold migrations, at any depth", () => {
    write(
      "archive/000002_b.up.sql",
      "archive/000003_c.up.sql",
      "2024/01/1_x.ts",
      "init/up.sql",
      "old/2_b.up.go",
    );
    expect(leftOut()).toEqual(["2024", "archive", "init", "old"]);
    const sentences: string[] = [];
    readMigrationFolder(folder, { leftOut: sentences });
    expect(sentences[1]).toBe(
      "archive is a folder, and sub-folders are not read: archive/000002_b.up.sql and 1 more would not run. Move what is to run up into the folder of migrations, the rest out of it, or name it in MIGRATIONS_IGNORE.",
    );
  });

  it("says nothing of other folders", () => {
    write(
      "meta/0000_snapshot.json",
      "helpers/format.ts",
      "seeds/users.sql",
      "node_modules/a/1_a.sql",
      "..data/2_b.up.sql",
    );
    expect(leftOut()).toEqual([]);
  });

  it("is silent about what is ignored, also where that would be refused", () => {
    write("archive/000002_b.up.sql", "2_b.up.pgsql", "2_b.sql.bak", "seed.sql", "000009_x.sql", "3_c/up.sql");
    expect(() => leftOut()).toThrow("seed.sql has no version number in front");
    expect(leftOut("seed.sql, 000009_*, 3_c")).toEqual(["2_b.sql.bak", "2_b.up.pgsql", "archive"]);
    expect(leftOut("seed.sql,000009_*,3_c,*.bak archive/")).toEqual(["2_b.up.pgsql"]);
    expect(leftOut("**")).toEqual([]);
  });

  it("never ignores what it reads as a migration", () => {
    write("000002_b.up.sql", "000003_c.ts");
    expect(readMigrationFolder(folder, { ignore: "*" }).map(({ name }) => name)).toEqual([
      "000001_a",
      "000002_b",
      "000003_c",
    ]);
  });
});

describe("a pattern of MIGRATIONS_IGNORE", () => {
  it.each([
    ["*.bak", "a.bak", true],
    ["*.bak", "old/a.bak", true],
    ["*.bak", "a.bak.sql", false],
    ["old", "old/x/1_a.sql", true],
    ["old/**", "old", true],
    ["old/*.sql", "old/1_a.sql", true],
    ["old/*.sql", "old/x/1_a.sql", false],
    ["old/**/*.sql", "old/1_a.sql", true],
    ["old/**/*.sql", "old/x/y/1_a.sql", true],
    ["1_?.sql", "1_a.sql", true],
    ["1_?.sql", "1_ab.sql", false],
    ["a+(b).sql", "a+(b).sql", true],
    ["./archive/", "archive", true],
    ["", "a", false],
    [undefined, "a", false],
  ])("%s against %s: %s", (pattern, path, expected) => {
    expect(createIgnore(pattern)(path)).toBe(expected);
  });
});
