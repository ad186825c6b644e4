import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { checkFolder } from "./check-files.ts";
import { createMigration } from "./create.ts";
import { parseDirectives } from "./directives.ts";
import { readMigrationFolder } from "./files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headgate-create-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const create = (name: string, more: { timestamp?: boolean; now?: Date } = {}): string[] =>
  createMigration({ directory: folder, name, ...more }).map((path) => basename(path));

describe("a new migration", () => {
  it("begins with 1, also in a folder that is not there yet, and goes on from the newest in its width", () => {
    expect(
      createMigration({ directory: join(folder, "new"), name: "a" }).map((path) => basename(path)),
    ).toEqual(["000001_a.up.sql", "000001_a.down.sql"]);
    writeFileSync(join(folder, "0099_x.up.sql"), "");
    expect(create("b")).toEqual(["0100_b.up.sql", "0100_b.down.sql"]);
    writeFileSync(join(folder, "9007199254740993_y.up.sql"), "");
    expect(create("c")[0]).toBe("9007199254740994_c.up.sql");
  });

  it("has a time instead of a number when that is asked for", () => {
    expect(create("a", { timestamp: true, now: new Date("2026-03-02T10:11:12.345Z") })[0]).toBe(
      "20260302101112_a.up.sql",
    );
  });

  it("comes behind the newest also where that is ahead of the clock, or of this second", () => {
    const now = new Date("2026-03-02T10:11:12.345Z");
    writeFileSync(join(folder, "000007_x.up.sql"), "");
    const names = ["a", "b", "c"].map((name) => create(name, { timestamp: true, now })[0]);
    expect(names).toEqual(["20260302101112_a.up.sql", "20260302101113_b.up.sql", "20260302101114_c.up.sql"]);
  });

  it.each(["Add owner", "add-owner", "AddOwner", " add  owner "])("is named in snake case: %j", (typed) => {
    expect(create(typed)).toEqual(["000001_add_owner.up.sql", "000001_add_owner.down.sql"]);
  });

  it("never writes over a file", () => {
    writeFileSync(join(folder, "000001_a.up.sql"), "SELECT 1;");
    writeFileSync(join(folder, ".000002_b.up.sql"), "");
    create("b");
    expect(readFileSync(join(folder, "000001_a.up.sql"), "utf8")).toBe("SELECT 1;");
  });

  it("with the number that somebody else has created, too, is found without a database", async () => {
    create("mine");
    writeFileSync(join(folder, "000001_theirs.up.sql"), "SELECT 1;");
    const { problems } = await checkFolder(folder);
    expect(problems).toEqual([expect.stringMatching(/000001_mine.*000001_theirs/s)]);
  });

  it("is sound: no directive of the explanation counts, and the folder can be read", () => {
    create("Add owner-to server");
    const problems: string[] = [];
    const text = readFileSync(join(folder, "000001_add_owner_to_server.up.sql"), "utf8");
    expect(parseDirectives(text, "sql", "f", problems)).toMatchObject({
      noTransaction: false,
      repeatUntilZero: undefined,
    });
    expect(problems).toEqual([]);
    expect(readMigrationFolder(folder)).toHaveLength(1);
  });

  it.each(["", "größe", "1", "a/b", "../a", "a'b", "x".repeat(101)])(
    "is refused with the name %j, and nothing is written",
    (name) => {
      expect(() => create(name)).toThrow(/cannot be a migration's name: use letters, digits and _/);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it("is refused with a name that is taken", () => {
    create("add_owner");
    expect(() => create("Add Owner")).toThrow("000001_add_owner has that name already; choose another one.");
  });

  it("is refused where no number is left", () => {
    writeFileSync(join(folder, `${"9".repeat(19)}_last.up.sql`), "");
    expect(() => create("a")).toThrow(`There is no number after ${"9".repeat(19)}; rename that migration.`);
  });

  it("is refused in a folder that is not sound", () => {
    writeFileSync(join(folder, "seed.sql"), "");
    expect(() => create("a")).toThrow(/seed\.sql has no version number in front/);
  });
});
