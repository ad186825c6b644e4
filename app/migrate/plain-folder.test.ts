import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { digestOf, digestOfNames } from "./history-digest.ts";
import { readKnownMigrations } from "./known-migrations.ts";
import { readPlainFolder } from "./plain-folder.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headgate-plain-"));
  for (let number = 1; number <= 50; number++) {
    const name = `${String(number).padStart(6, "0")}_step`;
    writeFileSync(join(folder, `${name}.up.sql`), `CREATE TABLE t${number} (id int);\n`);
    if (number % 2 === 0) writeFileSync(join(folder, `${name}.down.sql`), `DROP TABLE t${number};\n`);
  }
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

describe("the short way through a folder", () => {
  it("finds the names and checksums that the long way finds", async () => {
    const known = readKnownMigrations({ migrationsDirectory: folder });
    const plain = await readPlainFolder(folder);
    expect(plain).toEqual({
      names: known.map(({ name }) => name),
      checksums: known.map(({ checksum }) => checksum),
    });
    expect(digestOfNames(plain!)).toBe(digestOf(known));
  });

  it.each<[what: string, change: () => void]>([
    ["a number that is used twice", () => write("000007_other.up.sql", "SELECT 1;\n")],
    ["a number of another width", () => write("51_wide.up.sql", "SELECT 1;\n")],
    ["a down without its up", () => write("000060_lonely.down.sql", "SELECT 1;\n")],
    ["a down of another name", () => write("000003_other.down.sql", "SELECT 1;\n")],
    ["a file that is none", () => write("notes.sql", "SELECT 1;\n")],
    ["a migration in code", () => write("000060_code.ts", "export const up = () => {};\n")],
    ["an upper-case ending", () => write("000060_loud.UP.SQL", "SELECT 1;\n")],
    ["line ends of Windows", () => write("000050_step.up.sql", "SELECT 1;\r\n")],
    ["characters beyond ASCII", () => write("000050_step.up.sql", "SELECT 'é';\n")],
    ["a NUL", () => write("000050_step.up.sql", "SELECT 1;\0\n")],
    ["a deferred migration", () => write("000050_step.up.sql", "-- migrate: deferred\nSELECT 1;\n")],
    ["a file that does not fit", () => write("000050_step.up.sql", `SELECT '${"x".repeat(300_000)}';\n`)],
    ["a link", () => symlinkSync(join(folder, "000001_step.up.sql"), join(folder, "000060_link.up.sql"))],
    ["a folder of a migration's name", () => mkdirSync(join(folder, "000060_folder.up.sql"))],
    ["nothing at all", () => rmSync(folder, { recursive: true })],
  ])("leaves %s to the long way", async (_what, change) => {
    change();
    expect(await readPlainFolder(folder)).toBeUndefined();
  });
});
