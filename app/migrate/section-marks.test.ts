import { describe, expect, it } from "@jest/globals";
import { findSectionMarks } from "./section-marks.ts";
import { sectionOf } from "./section-text.ts";

const between = (mark: string): string => `CREATE TABLE a (id int);\n\n${mark}\nDROP TABLE a;\n`;

async function marksOf(text: string): Promise<[number, string][]> {
  return (await findSectionMarks(text)).map(({ line, direction }) => [line, direction]);
}

describe("a mark that divides a file into up and down", () => {
  it.each([
    "-- +goose Down",
    "-- +goose down",
    "--+goose Down",
    "-- +migrate Down",
    "-- +migrate Down notransaction",
    "-- +micrate Down",
    "-- migrate:down",
    "-- migrate:down transaction:false",
    "-- rambler down",
    "-- Down Migration",
    "-- Down",
    "-- DOWN:",
    "-- ==== DOWN ====",
    "--- !Downs",
    "--//@UNDO",
    "-- //@UNDO",
    "-- @UNDO",
    "-- undo",
    "-- Rollback",
    "-- rollback migration",
    "-- Roll back",
    "-- migration down",
    "-- revert --",
    "-- downgrade",
    "---- create above / drop below ----",
    "/* down */",
    "   -- Down",
    "-- +goose Down\n-- +goose StatementBegin",
    "-- +goose Down\n-- SQL in this section is executed when this migration is rolled back.",
  ])("is %j", async (mark) => {
    expect(await marksOf(between(mark))).toEqual([[3, "down"]]);
    expect(await marksOf(between(mark).replaceAll("\n", "\r\n"))).toEqual([[3, "down"]]);
  });

  it("is Liquibase's, which has the statement behind it in the comment", async () => {
    const text =
      "--liquibase formatted sql\n--changeset a:1\nCREATE TABLE a (id int);\n--rollback DROP TABLE a;\n";
    expect(await marksOf(text)).toEqual([[4, "down"]]);
  });

  it("is seen where the statement above has no semicolon", async () => {
    expect(await marksOf("CREATE TABLE a (id int)\n-- Down\nDROP TABLE a")).toEqual([[2, "down"]]);
  });

  it.each([
    "-- Down migration: none needed",
    "-- rolls nothing back, which nobody has written down",
    "-- To undo this, restore a back-up",
    "-- Rollback: DROP TABLE a;",
    "-- rollback plan\n-- see the wiki",
    "-- rollback drop the table by hand if need be",
    "-- Down:\n-- DROP TABLE a;",
    "-- goose",
    "-- up and down",
    "-- count down",
  ])("is no prose: %j", async (comment) => {
    expect(await marksOf(between(comment))).toEqual([]);
  });

  it.each([
    "INSERT INTO a VALUES ('\n-- Down\n'); SELECT 1;",
    "SELECT E'\\'\n-- Down\n'; SELECT 1;",
    'SELECT 1 AS "\n-- Down\n"; SELECT 1;',
    "DO $$ BEGIN\nPERFORM 1;\n-- down\nPERFORM 2; END $$; SELECT 1;",
    "DO $a$ SELECT $b$;\n-- down\n$b$ $a$; SELECT 1;",
    "/* /* */\n-- Down\n*/ SELECT 1;",
    "CREATE TYPE direction AS ENUM (\n  -- up\n  'up',\n  -- down\n  'down'\n);",
    "ALTER TABLE a\n  -- down\n  DROP COLUMN b;",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC\nSELECT 1;\n-- undo\nSELECT 2;\nEND;",
    "SELECT 1; -- down\nSELECT 2;",
    "SELECT 1;\n-- Down\n",
    "SELECT 1;\n-- Down\n-- nothing\n;",
    "-- Rollback\nDROP TABLE a;",
  ])(
    "is none inside a literal, a body or a statement, beside one, or without one behind: %j",
    async (text) => {
      expect(await marksOf(text)).toEqual([]);
    },
  );

  it("is looked for in one pass, whatever the text repeats", async () => {
    expect(await marksOf(`SELECT '${"\n-- Down\n".repeat(200_000)}';`)).toEqual([]);
  }, 10_000);
});

describe("a file in node-pg-migrate's own form", () => {
  const both = "-- why\n-- Up Migration\nCREATE TABLE a (id int);\n\n-- Down Migration\nDROP TABLE a;\n";

  it("gives each direction its section, with every line in its place", () => {
    expect(sectionOf(both, "up")).toBe("-- why\n-- Up Migration\nCREATE TABLE a (id int);\n\n\n\n");
    expect(sectionOf(both, "down")).toBe("-- why\n\n\n\n-- Down Migration\nDROP TABLE a;\n");
  });

  it("may begin with the way down", () => {
    const text = "--down migration\nDROP TABLE a;\n-- UP MIGRATION\nCREATE TABLE a (id int);";
    expect(sectionOf(text, "up")).toBe("\n\n-- UP MIGRATION\nCREATE TABLE a (id int);");
    expect(sectionOf(text, "down")).toBe("--down migration\nDROP TABLE a;\n\n");
  });

  it("may have nothing above the way up, or no way down", () => {
    const text = "CREATE TABLE a (id int);\n-- Down Migration\nDROP TABLE a;\n";
    expect(sectionOf(text, "up")).toBe("CREATE TABLE a (id int);\n\n\n");
    expect(sectionOf(text, "down")).toBe("\n-- Down Migration\nDROP TABLE a;\n");
    expect(sectionOf("-- Up Migration\nSELECT 1;", "down")).toBe("\n");
  });

  it.each([
    "SELECT 1;",
    "SELECT 1;\n-- Up Migration\nSELECT 2;\n-- Down Migration\nSELECT 3;",
    "-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;\n-- Up Migration\nSELECT 3;",
    "-- Down Migration\nSELECT 1;",
    "SELECT '\n-- Up Migration\n';",
    "-- Up Migration of the second kind\nSELECT 1;",
  ])("is nothing else: %j", (text) => {
    expect(sectionOf(text, "up")).toBeUndefined();
  });
});
