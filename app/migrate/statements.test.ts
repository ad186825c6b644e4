import { lineOf } from "./line-ends.ts";
import { describe, expect, it } from "@jest/globals";
import {
  isParseFailure,
  skipComments,
  splitStatements,
  type ParseFailure,
  type Statement,
} from "./statements.ts";

async function split(text: string): Promise<readonly Statement[]> {
  const statements = await splitStatements(text);
  if (isParseFailure(statements)) throw new Error(`${statements.message} at ${statements.offset}`);
  return statements;
}

async function refuse(text: string): Promise<ParseFailure> {
  const result = await splitStatements(text);
  if (!isParseFailure(result)) throw new Error("it was taken");
  return result;
}

const one = async (text: string): Promise<Statement> => (await split(text))[0]!;

describe("splitting a text into statements", () => {
  it("finds none in a text that holds none", async () => {
    expect(await split("")).toEqual([]);
    expect(await split(" \n-- nothing\n/* at /* all */ */;;\n")).toEqual([]);
  });

  it("is not led astray by bodies, rules and SQL-standard functions", async () => {
    const texts = [
      "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $x$ SELECT ';' || $$;$$ $x$",
      "CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
      "CREATE RULE r AS ON DELETE TO t DO ALSO (SELECT 1; SELECT E'\\';')",
      'SELECT ";" FROM t',
    ];
    const statements = await split(texts.join(";\n"));
    expect(statements.map(({ text }) => text.trim())).toEqual(texts);
  });

  it("gives each its place and line, counted in UTF-16 units, with characters of every length before it", async () => {
    const text = "SELECT 'é€𝒳';\n\n-- why\nSELECT 2; /* a\n/* b\n*/ c */ SELECT 3";
    const statements = await split(text);
    expect(statements.map(({ line }) => line)).toEqual([1, 4, 6]);
    for (const { offset, text: statement } of statements)
      expect(text.slice(offset, offset + statement.length)).toBe(statement);
  });

  it("says where the parser refuses a text, behind characters of every length", async () => {
    const text = "SELECT 'é€𝒳';\nCREATE TABL a ();";
    const { message, offset } = await refuse(text);
    expect(message).toBe('syntax error at or near "TABL"');
    expect(text.slice(offset)).toBe("TABL a ();");
  });

  it("says so when an expression is too deep for it, and works again after that", async () => {
    expect(await refuse(`SELECT ${"'x' || ".repeat(50_000)}'y'`)).toEqual({
      message: "a statement is nested too deeply to be parsed here; simplify it",
      offset: 0,
    });
    expect(await split("SELECT 1; SELECT 2")).toHaveLength(2);
  });

  it("takes time in proportion to the text: a megabyte of short statements in seconds", async () => {
    // Counting the lines of each from the top took a minute.
    const statements = await split("SELECT 1;\n".repeat(20_000));
    expect(statements.at(-1)!.line).toBe(20_000);
  }, 20_000);
});

describe("what is known of a statement", () => {
  it.each([
    ["VACUUM t", true],
    ["ANALYZE t", false],
    ["CREATE DATABASE d", true],
    ["ALTER SYSTEM SET work_mem = '8MB'", true],
    ["DISCARD ALL", true],
    ["REINDEX SCHEMA public", true],
    ["REINDEX TABLE t", false],
    ["ALTER TABLE t DETACH PARTITION p CONCURRENTLY", true],
    ["ALTER TABLE t DETACH PARTITION p", false],
    // They may commit.
    ["DO $$ BEGIN END $$", true],
    ["CALL p()", true],
    ["CREATE INDEX i ON t (a)", false],
    ["CREATE INDEX CONCURRENTLY i ON t (a)", true],
  ])("%s runs outside a transaction: %s", async (text, outside) => {
    expect((await one(text)).outsideTransaction).toBe(outside);
  });

  it("names the index that a concurrent statement is about", async () => {
    expect((await one("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t (a)")).concurrently).toEqual({
      action: "create",
      schema: "s",
      index: "i",
      table: "t",
      ifNotExists: true,
    });
    expect((await one("DROP INDEX CONCURRENTLY s.i")).concurrently).toMatchObject({
      action: "drop",
      schema: "s",
      index: "i",
    });
    expect((await one("REINDEX TABLE CONCURRENTLY t")).concurrently).toMatchObject({
      action: "reindex",
      table: "t",
      index: undefined,
    });
    expect((await one("REINDEX INDEX CONCURRENTLY i")).concurrently).toMatchObject({
      action: "reindex",
      index: "i",
    });
    expect((await one("CREATE INDEX i ON t (a)")).concurrently).toBeUndefined();
  });

  it.each([
    ["BEGIN", true],
    ["COMMIT AND CHAIN", true],
    ["PREPARE TRANSACTION 'x'", true],
    ["SAVEPOINT s", false],
    ["ROLLBACK TO s", false],
    ["RELEASE s", false],
  ])("%s ends a transaction, or begins one: %s", async (text, ends) => {
    expect((await one(text)).endsTransaction).toBe(ends);
  });

  it("tells COPY that waits for its client from COPY that does not", async () => {
    expect((await one("COPY t FROM stdin")).copiesFromClient).toBe(true);
    expect((await one("COPY t FROM '/a/file'")).copiesFromClient).toBe(false);
    expect((await one("COPY t FROM PROGRAM 'cat'")).copiesFromClient).toBe(false);
    expect((await one("COPY t TO stdout")).copiesFromClient).toBe(false);
  });

  it("knows what holds for the session, and what only validates", async () => {
    expect((await one("SET search_path = a")).setsSession).toBe(true);
    expect((await one("SET LOCAL search_path = a")).setsSession).toBe(false);
    expect((await one("ALTER TABLE t VALIDATE CONSTRAINT c")).validates).toBe(true);
    expect((await one("ALTER TABLE t ADD COLUMN c int")).validates).toBe(false);
  });
});

describe("places in a text", () => {
  it("skip white space and nested comments", () => {
    const text = " -- a\n/* b /* c */ d */\n\tSELECT 1";
    expect(text.slice(skipComments(text))).toBe("SELECT 1");
    expect(skipComments("-- only")).toBe(7);
    expect(skipComments("a; -- b\n c", 2)).toBe(9);
  });

  it("stop at a comment that nobody closes", () => {
    expect(skipComments(" /* a")).toBe(1);
  });

  it("count lines from 1", () => {
    expect(["a", "\n", "b", "\n", "c"].map((_, offset) => lineOf("a\nb\nc", offset))).toEqual([
      1, 1, 2, 2, 3,
    ]);
  });
});
