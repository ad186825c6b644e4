import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { AppError } from "../errors.ts";
import { readMigrationFolder } from "./files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headgate-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (...names: string[]): void => {
  for (const name of names) writeFileSync(join(folder, name), "");
};

function problems(): readonly string[] {
  try {
    readMigrationFolder(folder);
  } catch (error) {
    if (error instanceof AppError && error.code === "migration-files-invalid")
      return error.details["problems"] as string[];
    throw error;
  }
  return [];
}

describe("a folder of migrations", () => {
  it("is read in the order of its versions, which are numbers of any width and size", () => {
    write(
      "10_c.up.sql",
      "2_a.up.sql",
      "000003_b.up.sql",
      "9007199254740993_e.up.sql",
      "9007199254740992_d.up.sql",
    );
    expect(readMigrationFolder(folder).map(({ name }) => name)).toEqual([
      "2_a",
      "000003_b",
      "10_c",
      "9007199254740992_d",
      "9007199254740993_e",
    ]);
  });

  it("pairs up and down by version; code has both in one file", () => {
    write("000001_a.up.sql", "000001_a.down.sql", "000002_b.up.sql", "000003_c.ts", "000004_d.e-f.up.sql");
    expect(readMigrationFolder(folder)).toEqual([
      {
        version: 1n,
        versionText: "000001",
        name: "000001_a",
        kind: "sql",
        upPath: join(folder, "000001_a.up.sql"),
        downPath: join(folder, "000001_a.down.sql"),
      },
      {
        version: 2n,
        versionText: "000002",
        name: "000002_b",
        kind: "sql",
        upPath: join(folder, "000002_b.up.sql"),
        downPath: undefined,
      },
      {
        version: 3n,
        versionText: "000003",
        name: "000003_c",
        kind: "code",
        upPath: join(folder, "000003_c.ts"),
        downPath: join(folder, "000003_c.ts"),
      },
      {
        version: 4n,
        versionText: "000004",
        name: "000004_d.e-f",
        kind: "sql",
        upPath: join(folder, "000004_d.e-f.up.sql"),
        downPath: undefined,
      },
    ]);
  });

  it("may hold other things", () => {
    write(
      "000001_a.up.sql",
      "README",
      "readme.sql",
      ".hidden.sql",
      "notes.txt",
      "index.ts",
      "000002_b.d.ts",
      "000002_b.up.sql~",
    );
    mkdirSync(join(folder, "sub"));
    symlinkSync("000001_a.up.sql", join(folder, "000005_link.up.sql"));
    expect(readMigrationFolder(folder).map(({ name }) => name)).toEqual(["000001_a", "000005_link"]);
  });

  it("is refused when there is nothing in it, with the setting that names it", () => {
    expect(() => readMigrationFolder(folder)).toThrow(
      new AppError(
        "configuration",
        `There are no migrations in ${folder}. Is the right folder mounted? (MIGRATIONS_DIR)`,
      ),
    );
    expect(() => readMigrationFolder(join(folder, "none"))).toThrow(
      /cannot be read: ENOENT.*Is it mounted, and is MIGRATIONS_DIR right\?$/,
    );
  });
});

describe("a file that is not what it seems", () => {
  it.each([
    [
      "000001_a.sql",
      "000001_a.sql says neither up nor down; name it 000001_a.up.sql, and put what takes it back into 000001_a.down.sql.",
    ],
    [
      "000001_a.UP.sql",
      "000001_a.UP.sql has an upper-case ending; write .up.sql or .down.sql in lower case.",
    ],
    [
      "000001_a.up.SQL",
      "000001_a.up.SQL has an upper-case ending; write .up.sql or .down.sql in lower case.",
    ],
    [
      "000001_.up.sql",
      "000001_.up.sql is not named NNNNNN_name.up.sql (or .down.sql, .ts, .js); rename it or move it out of this folder.",
    ],
    [
      "000001-a.up.sql",
      "000001-a.up.sql is not named NNNNNN_name.up.sql (or .down.sql, .ts, .js); rename it or move it out of this folder.",
    ],
    [
      "000001_ä.up.sql",
      "000001_ä.up.sql has characters other than A-Z a-z 0-9 _ . - in its name; rename it.",
    ],
    [
      "000001_a'b.up.sql",
      "000001_a'b.up.sql has characters other than A-Z a-z 0-9 _ . - in its name; rename it.",
    ],
    [
      "000001_a.up.sql ",
      "000001_a.up.sql  has characters other than A-Z a-z 0-9 _ . - in its name; rename it.",
    ],
    [
      "000001_a\u0007.up.sql",
      "000001_a\\u{7}.up.sql has characters other than A-Z a-z 0-9 _ . - in its name; rename it.",
    ],
    [
      "schema.sql",
      "schema.sql has no version number in front; name it NNNNNN_name.up.sql, or move it out of this folder.",
    ],
    ["V1__init.sql", "V1__init.sql has Flyway's form; rename it to NNNNNN_name.up.sql."],
    [
      "000001_a.up.js",
      "000001_a.up.js: a TypeScript or JavaScript migration holds up and down in one file named 000001_a.js.",
    ],
    ["000001_a.down.sql", "000001_a.down.sql has no up file beside it."],
    [`${"1".repeat(20)}_a.up.sql`, `${"1".repeat(20)}_a.up.sql: a version has at most 19 digits.`],
  ])("is named with what to do: %j", (name, problem) => {
    write(name);
    expect(problems()).toEqual([problem]);
  });

  it("is cut in the middle where its name is too long", () => {
    write(`000001_${"a".repeat(220)}.up.sql`);
    expect(problems()).toEqual([
      `000001_${"a".repeat(43)}…${"a".repeat(13)}.up.sql: a name has at most 200 characters, this one 227.`,
    ]);
  });

  it("shares its version with another one, in whatever width", () => {
    write("1_a.up.sql", "000001_b.up.sql", "2_c.up.sql", "2_d.down.sql", "3_e.ts", "3_e.down.sql");
    expect(problems()).toEqual([
      "Version 000001 is used twice: 000001_b.up.sql, 1_a.up.sql. Give one of them the next free number.",
      "2_c.up.sql and 2_d.down.sql have the same version and different names; rename one.",
      "3_e.down.sql and 3_e.ts are both the down of version 3; remove one.",
    ]);
  });

  it("is a folder, a link to one, or a link to nothing", () => {
    mkdirSync(join(folder, "000001_a.up.sql"));
    symlinkSync("..", join(folder, "000002_b.up.sql"));
    symlinkSync("nothing", join(folder, "000003_c.up.sql"));
    symlinkSync("/dev/null", join(folder, "000004_d.up.sql"));
    expect(problems()).toEqual([
      "000001_a.up.sql is a folder with a migration's name; rename or remove it.",
      "000002_b.up.sql is a folder with a migration's name; rename or remove it.",
      "000003_c.up.sql is a link to a file that does not exist.",
      "000004_d.up.sql is neither a file nor a link to one; remove it.",
    ]);
  });

  it("has another tool's layout; its new name keeps the whole number", () => {
    for (const name of ["2024-01-31-101500_add_owner", "20240201101500_init"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "2024-01-31-101500_add_owner", "up.sql"), "");
    writeFileSync(join(folder, "20240201101500_init", "migration.sql"), "");
    const layout = "holds up.sql or migration.sql: this looks like diesel's or prisma's layout; copy it to";
    expect(problems()).toEqual([
      `2024-01-31-101500_add_owner/ ${layout} 20240131101500_add_owner.up.sql.`,
      `20240201101500_init/ ${layout} 20240201101500_init.up.sql.`,
    ]);
  });
});
