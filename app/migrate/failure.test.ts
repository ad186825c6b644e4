import { describe, expect, it } from "@jest/globals";
import { TextFailure } from "../database/run-text.ts";
import { AppError } from "../errors.ts";
import { describeFailure, endedSession, migrationFailed, summaryOf } from "./failure.ts";
import { largestParsed } from "./statements.ts";

type Fields = Record<string, string>;
const server = (message: string, fields: Fields): Error =>
  Object.assign(new Error(message), { severity: "ERROR", ...fields });

/** What is said of a server's error about the whole of `text`. */
async function linesOf(text: string, error: Error, completed = 0): Promise<string[]> {
  const failure = new TextFailure(error, text, completed);
  return (await describeFailure(failure, { file: "/m/000002_b.up.sql", text, offset: 0 })).lines;
}

const at = (text: string, part: string): Fields => ({
  position: String(Array.from(text.slice(0, text.indexOf(part))).length + 1),
});

describe("a failure with a position", () => {
  it("is shown with file, line, column, the line and a caret, and everything else that the server says", async () => {
    const text = "SELECT 1;\n\tCREATE TABL a ();\n";
    const error = server("syntax error\nand more", {
      code: "42601",
      ...at(text, "TABL"),
      detail: "D",
      hint: "H",
      where: "W\nX",
    });
    const { lines, recorded } = await describeFailure(new TextFailure(error, text, 1), {
      file: "/m/000002_b.up.sql",
      text,
      offset: 0,
    });
    expect(lines).toEqual([
      "42601: syntax error",
      "  at 000002_b.up.sql:2:9",
      "  2 |  CREATE TABL a ();",
      "    |         ^",
      "  DETAIL: D",
      "  HINT: H",
      "  WHERE: W",
    ]);
    expect(recorded).toEqual({
      message: "syntax error\nand more",
      sqlstate: "42601",
      detail: "D",
      hint: "H",
      file: "000002_b.up.sql",
      line: 2,
      column: 9,
    });
  });

  it("is put to the file when the text that was sent is a part of it", async () => {
    const text = "SELECT 1;\nSELECT 2;\nSELECT nothing;";
    const offset = text.indexOf("SELECT nothing");
    const sent = text.slice(offset);
    const failure = new TextFailure(server("no such column", { code: "42703", position: "8" }), sent, 0);
    expect((await describeFailure(failure, { file: "f", text, offset })).lines[1]).toBe("  at f:3:8");
  });

  it("counts characters, not the units of an encoding", async () => {
    const text = "SELECT '𝒳é€', nothing;";
    expect((await linesOf(text, server("m", { code: "42703", ...at(text, "nothing") }))).slice(1, 4)).toEqual(
      ["  at 000002_b.up.sql:1:15", "  1 | SELECT '𝒳é€', nothing;", "    |               ^"],
    );
  });

  it("at the end of the input is shown in the last line that holds something", async () => {
    const text = "SELECT (\n\n\n";
    expect(
      (await linesOf(text, server("m", { code: "42601", position: String(text.length + 1) }))).slice(1),
    ).toEqual(["  at 000002_b.up.sql:1:9", "  1 | SELECT (", "    |         ^"]);
  });

  it("in a long line is shown with what is around it", async () => {
    const text = `SELECT '${"a".repeat(500)}', nothing, '${"b".repeat(500)}';`;
    const [, place, line, caret] = await linesOf(
      text,
      server("m", { code: "42703", ...at(text, "nothing") }),
    );
    expect(place).toBe("  at 000002_b.up.sql:1:512");
    expect(line).toBe(`  1 | …${"a".repeat(47)}', nothing, '${"b".repeat(40)}…`);
    expect(line!.indexOf("nothing")).toBe(caret!.indexOf("^"));
  });

  it("in SQL that code made is shown in that SQL", async () => {
    const sent = "CREATE TABLE a (\n  id intger\n);";
    const failure = new TextFailure(
      server("no such type", { code: "42704", ...at(sent, "intger") }),
      sent,
      0,
    );
    const { lines, recorded } = await describeFailure(failure, {
      file: "000002_b.ts",
      text: "export const up = …",
      offset: 0,
    });
    expect(lines.slice(1)).toEqual([
      "  in the SQL that 000002_b.ts made",
      "  2 |   id intger",
      "    |      ^",
    ]);
    expect(recorded.line).toBeUndefined();
  });

  it("in a query of somebody else's has no place in the file", async () => {
    // The ledger's own statements, or pgm.db.query() in a code migration.
    const error = server("no such table", { code: "42P01", position: "13" });
    expect(
      (await describeFailure(error, { file: "f", text: "SELECT 1;\nSELECT 2;", offset: 0 })).lines,
    ).toEqual(["42P01: no such table"]);
  });
});

describe("a failure without a position", () => {
  const text = "SELECT 1;\n-- the second\nSELECT 1 / 0;\nSELECT 3;";
  const division = server("division by zero", { code: "22012" });

  it("is put to the statement that was running", async () => {
    expect(await linesOf(text, division, 1)).toEqual([
      "22012: division by zero",
      "  at 000002_b.up.sql:3",
      "  3 | SELECT 1 / 0;",
    ]);
  });

  it("inside a function is put to the statement that called it", async () => {
    const inside = server("division by zero", {
      code: "22012",
      position: "8",
      internalQuery: "SELECT 1 / 0",
    });
    expect((await linesOf(text, inside, 2))[1]).toBe("  at 000002_b.up.sql:4");
  });

  it("in a text too large to be parsed is put to the statement's number", async () => {
    const large = `-- ${"x".repeat(largestParsed)}\n${text}`;
    expect(await linesOf(large, division, 1)).toEqual([
      "22012: division by zero",
      "  in statement 2 of 000002_b.up.sql",
    ]);
  });
});

describe("what is said beside the place", () => {
  it("is our advice for errors that have one", async () => {
    const lines = await linesOf("VACUUM;", server("m", { code: "25001" }));
    expect(lines.at(-1)).toBe(
      "  This statement cannot run inside a transaction: put `-- migrate: no-transaction` into the first comment of the file.",
    );
  });

  it.each([
    ["CREATE\u00A0TABLE a;", "42601", "line 1 contains U+00A0 (no-break space)"],
    [
      "SELECT ‘a’;",
      "42703",
      "line 1 contains U+2018 (typographic quote), line 1 contains U+2019 (typographic quote)",
    ],
    ["SELECT\u200B 1;", "42601", "line 1 contains U+200B (invisible character)"],
    ["SELECT\u2003a;", "42601", "line 1 contains U+2003 (unusual space)"],
  ])("are look-alike characters: %j", async (text, code, found) => {
    const lines = await linesOf(text, server("m", { code, position: "1" }));
    expect(lines.at(-1)).toBe(`  Look-alike characters: ${found}. Replace them with plain ones.`);
  });

  it("are no look-alike characters of prose far from the error, or of another error", async () => {
    const prose = "-- don’t\n\n\n\n\nSELEC 1;";
    expect(
      (await linesOf(prose, server("m", { code: "42601", ...at(prose, "SELEC") }))).join(),
    ).not.toContain("Look-alike");
    expect((await linesOf("SELECT 1 / 0; -- don’t", server("m", { code: "22012" }))).join()).not.toContain(
      "Look-alike",
    );
  });

  it.each([
    ["CREATE ROLE a PASSWORD 's3cret' X;", "CREATE ROLE a PASSWORD '******' X;"],
    ['ALTER ROLE a PASSWORD "s3cret";', 'ALTER ROLE a PASSWORD "******";'],
    [
      "CREATE SUBSCRIPTION s CONNECTION 'host=h password=s3cret' X;",
      "CREATE SUBSCRIPTION s CONNECTION 'host=h password=******' X;",
    ],
    [
      "CREATE USER MAPPING FOR a SERVER s OPTIONS (password 's3cret') X;",
      "CREATE USER MAPPING FOR a SERVER s OPTIONS (password '******') X;",
    ],
  ])("is never a password: %s", async (text, shown) => {
    const lines = await linesOf(
      text,
      server(`syntax error at or near "s3cret"`, {
        code: "42601",
        position: "1",
        where: "PASSWORD 's3cret'",
      }),
    );
    expect(lines.join("\n")).not.toContain("s3cret");
    expect(lines[2]).toBe(`  1 | ${shown}`);
  });

  it("is cut where it is long", async () => {
    const long = "m".repeat(100_000);
    const { lines, recorded } = await describeFailure(
      server(long, { code: "P0001", detail: long, hint: long, where: long }),
      { file: "f", text: "", offset: 0 },
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(520);
    expect(recorded.message).toHaveLength(1001);
  });
});

describe("what was thrown", () => {
  const origin = { file: "f", text: "", offset: 0 };
  it.each([
    ["a text", "out of luck", "out of luck was thrown"],
    ["nothing", undefined, "undefined was thrown"],
    ["an error of Node's", Object.assign(new Error("no file"), { code: "ENOENT" }), "ENOENT: no file"],
    [
      "an error of ours",
      new AppError("migration-failed", "it ended its own transaction"),
      "it ended its own transaction",
    ],
  ])("may be %s", async (_, thrown, line) => {
    const { lines, recorded } = await describeFailure(thrown, origin);
    expect(lines).toEqual([line]);
    expect(recorded.sqlstate).toBeUndefined();
  });

  it("is the end of the session, or is not", () => {
    expect(endedSession(new TextFailure(server("m", { code: "57P01" }), "", 0))).toBe(true);
    expect(endedSession(Object.assign(new Error("reset"), { code: "ECONNRESET" }))).toBe(true);
    expect(endedSession(server("m", { code: "42601" }))).toBe(false);
    expect(endedSession(undefined)).toBe(false);
  });

  it("fits into a line of the log", () => {
    expect(summaryOf(new TextFailure(server("one\ntwo", { code: "55P03" }), "", 0))).toBe("one [55P03]");
    expect(summaryOf("out of luck")).toBe("out of luck was thrown");
  });

  it("becomes an error that says what failed, why, and what became of it", () => {
    const cause = new Error("why");
    const error = migrationFailed(
      "000002_b",
      ["42601: syntax error", "  at f:1:1"],
      "It was rolled back.",
      { migration: "000002_b" },
      cause,
    );
    expect(error).toMatchObject({ code: "migration-failed", cause, details: { migration: "000002_b" } });
    expect(error.message).toBe("000002_b failed: 42601: syntax error\n  at f:1:1\n  It was rolled back.");
  });
});
