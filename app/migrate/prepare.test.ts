import { describe, expect, it } from "@jest/globals";
import type { KnownMigration } from "./history.ts";
import { prepareText, type PreparedMigration } from "./prepare.ts";

const file: KnownMigration = {
  version: 1n,
  versionText: "000001",
  name: "000001_a",
  kind: "sql",
  upPath: "/m/000001_a.up.sql",
  downPath: undefined,
  checksum: "",
  deferred: false,
};
const outside = "-- migrate: no-transaction\n";

async function prepare(text: string): Promise<PreparedMigration & { problems: string[] }> {
  const problems: string[] = [];
  return { ...(await prepareText(file, "up", file.upPath, { text }, problems)), problems };
}

const problemsOf = async (text: string): Promise<string[]> => (await prepare(text)).problems;

describe("a migration that runs in a transaction", () => {
  it("is taken as it is", async () => {
    const text = "CREATE TABLE a (id int);\n";
    expect(await prepare(text)).toMatchObject({
      text,
      source: text,
      statements: undefined,
      warnings: [],
      problems: [],
    });
  });

  it.each(["", "  \n", "-- later\n", "/* a /* b */ c */;;\n-- d", ";"])(
    "is warned about when it holds nothing: %j",
    async (text) => {
      expect((await prepare(text)).warnings).toEqual(["000001_a.up.sql holds no statement."]);
    },
  );

  it("loses a BEGIN and COMMIT around it, and keeps every other place in the file", async () => {
    const text = "-- why\nBEGIN;\nSELECT 1;\n  COMMIT ;\n";
    const { text: runs, source, warnings, problems } = await prepare(text);
    expect(problems).toEqual([]);
    expect(runs).toBe("-- why\n      \nSELECT 1;\n          \n");
    expect(source).toBe(text);
    expect(warnings).toEqual([
      "000001_a.up.sql brings its own BEGIN and COMMIT (lines 2 and 4); they are left out, the migration has a transaction already.",
    ]);
  });

  it("has the kind of transaction that it asks for at its beginning", async () => {
    const asked = async (text: string): Promise<unknown[]> => {
      const { text: runs, transactionModes, problems } = await prepare(text);
      return [transactionModes, runs.trim(), problems];
    };
    const level = " ISOLATION LEVEL SERIALIZABLE";
    expect(await asked("BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT;")).toEqual([
      level,
      "SELECT 1;",
      [],
    ]);
    expect(
      await asked("start transaction isolation level serializable, read write;\nSELECT 1;\nend;"),
    ).toEqual([level, "SELECT 1;", []]);
    expect(await asked("BEGIN;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT;")).toEqual([
      level,
      "SELECT 1;",
      [],
    ]);
    expect(await asked("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, DEFERRABLE;\nSELECT 1;")).toEqual([
      " ISOLATION LEVEL REPEATABLE READ, DEFERRABLE",
      "SELECT 1;",
      [],
    ]);
    expect(await asked("SET LOCAL work_mem = '1MB';\nSET TRANSACTION NOT DEFERRABLE;\nSELECT 1;")).toEqual([
      " NOT DEFERRABLE",
      expect.stringContaining("SELECT 1;"),
      [],
    ]);
    expect(await asked("BEGIN;\nSELECT 1;\nCOMMIT;")).toEqual(["", "SELECT 1;", []]);
  });

  const forLater =
    "this is for later transactions, and has no effect on this one; begin the file with BEGIN ISOLATION LEVEL … (or SET TRANSACTION ISOLATION LEVEL …) and nothing before it.";
  const readOnly = "a migration is recorded in its transaction, which cannot be READ ONLY; take that out.";
  it.each([
    ["BEGIN READ ONLY;\nSELECT 1;\nCOMMIT;", 1, readOnly],
    ["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY;\nSELECT 1;", 1, readOnly],
    ["SELECT 1;\nSET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;", 2, forLater],
    ["SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;\nSELECT 1;", 1, forLater],
    ["SET default_transaction_isolation = 'serializable';\nSELECT 1;", 1, forLater],
    ["SELECT set_config('default_transaction_isolation', 'serializable', true);\nSELECT 1;", 1, forLater],
    [
      "SET TRANSACTION SNAPSHOT '00000003-1';",
      1,
      "SET TRANSACTION SNAPSHOT needs a snapshot that another session holds; take it out.",
    ],
    [
      `${outside}SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;`,
      2,
      "SET TRANSACTION holds for one statement here, each of which has a transaction of its own; take it out.",
    ],
  ])("is refused where it asks for what it would not get: %j", async (text, line, why) => {
    expect(await problemsOf(text)).toEqual([`000001_a.up.sql:${line}: ${why}`]);
  });

  it.each([
    ["BEGIN;\nSELECT 1;\nCOMMIT AND CHAIN;", "1, 3"],
    ["BEGIN;\nSELECT 1;\nCOMMIT PREPARED 'x';", "1, 3"],
    ["BEGIN;\nSELECT 1;\nCOMMIT;\nSELECT 2;", "1, 3"],
    ["SELECT 1;\nROLLBACK;", "2"],
    ["BEGIN;\nSELECT 1;\nROLLBACK;", "1, 3"],
    [`${outside}BEGIN;\nSELECT 1;\nCOMMIT;`, "2, 4"],
  ])("must not control transactions: %j", async (text, lines) => {
    expect(await problemsOf(text)).toEqual([
      `000001_a.up.sql controls transactions by itself (line ${lines}); what it commits could not be rolled back or recorded. ` +
        "Remove BEGIN, COMMIT and ROLLBACK; every migration runs in one transaction, or statement by statement with `-- migrate: no-transaction`.",
    ]);
  });

  it.each([
    "SAVEPOINT s; ROLLBACK TO s; RELEASE s;",
    "DO $$ BEGIN COMMIT; END $$;",
    "SELECT 'COMMIT;'; -- ROLLBACK;",
    "SELECT CASE WHEN true THEN 1 END;",
  ])("may use the words in other ways: %j", async (text) => {
    expect(await problemsOf(text)).toEqual([]);
  });

  it("keeps nobody waiting when it only changes rows, or only validates", async () => {
    const waits = async (text: string): Promise<boolean> => (await prepare(text)).keepsNobodyWaiting;
    expect(await waits("UPDATE a SET v = 1;")).toBe(true);
    expect(await waits("ALTER TABLE a VALIDATE CONSTRAINT c;")).toBe(true);
    expect(await waits("ALTER TABLE a VALIDATE CONSTRAINT c; ALTER TABLE a ADD COLUMN b int;")).toBe(false);
    expect(await waits("UPDATE a SET v = 1; DROP TABLE b;")).toBe(false);
  });

  it.each([
    "INSERT INTO a (b, c) VALUES (1, 'x (y)');",
    "INSERT INTO a SELECT lower(b), now(), count(*) FROM c WHERE d IN (1, 2) GROUP BY 1;",
  ])("keeps nobody waiting with functions that only compute: %j", async (text) => {
    expect((await prepare(text)).keepsNobodyWaiting).toBe(true);
  });

  it.each([
    "SELECT ddl_function();",
    "INSERT INTO a SELECT app.ddl();",
    "UPDATE a SET v = lower(w) WHERE id = my_id ();",
    'SELECT "Ddl" /* all */ ();',
    "SELECT ddl -- all\n();",
    "SELECT app.lower('x');",
    "WITH done AS (SELECT ddl(1)) DELETE FROM a;",
    "EXECUTE prepared;",
  ])("may keep others waiting where a function of one's own is called: %j", async (text) => {
    expect((await prepare(text)).keepsNobodyWaiting).toBe(false);
  });
});

describe("a migration that runs outside a transaction", () => {
  it("is split", async () => {
    const { statements } = await prepare(`${outside}SELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a);`);
    expect(statements?.map(({ node, line }) => [node, line])).toEqual([
      ["SelectStmt", 2],
      ["IndexStmt", 3],
    ]);
  });

  it("with a syntax error fails when its turn comes", async () => {
    expect(await prepare(`${outside}SELEC 1;`)).toMatchObject({
      parseFailure: { message: 'syntax error at or near "SELEC"', offset: outside.length },
      problems: [],
    });
  });

  it("must name the indexes that it builds concurrently", async () => {
    expect(await problemsOf(`${outside}CREATE INDEX CONCURRENTLY ON t (a);`)).toEqual([
      "000001_a.up.sql:2: name the index; without a name, what an interrupted build leaves behind could not be told from other indexes.",
    ]);
  });

  it("must have one statement when that is repeated", async () => {
    expect(
      await problemsOf("-- migrate: repeat-until-zero\nUPDATE a SET v = 1; UPDATE b SET v = 1;"),
    ).toEqual(["000001_a.up.sql: repeat-until-zero needs exactly one statement, this file has 2."]);
  });

  it("must be small enough to be split", async () => {
    expect(await problemsOf(`${outside}${"SELECT 1;\n".repeat(60_000)}`)).toEqual([
      "000001_a.up.sql: a no-transaction migration may have 512 KiB of text; split it.",
    ]);
  });
});

describe("a text for psql", () => {
  const copy = (line: number): string =>
    `000001_a.up.sql:${line}: COPY … FROM stdin with its data in the file works only in psql; use INSERT, or load the data with a program.`;
  const command = (line: number, name: string): string =>
    `000001_a.up.sql:${line}: "${name}" is a command of psql, not SQL; write the SQL itself into the file.`;

  it.each([
    ["\\i a.sql", [command(1, "\\i")]],
    ["SELECT 1;\n\\set x 1\n", [command(2, "\\set")]],
    ["SELECT 'x' \\gexec\n", [command(1, "\\gexec")]],
    ["SELECT 1 \\crosstabview\n", [command(1, "\\crosstabview")]],
    ["SELECT 1;\nCOPY a FROM stdin;\n1\tb\n\\.\n", [copy(2)]],
    ["COPY a (b) FROM STDIN WITH (FORMAT csv);\n'x\n", [copy(1)]],
    ["COPY a FROM stdin;\n", [copy(1)]],
  ])("is refused: %j", async (text, problems) => {
    expect(await problemsOf(text)).toEqual(problems);
  });

  it.each([
    "SELECT E'\\gexec';",
    "SELECT '\n\\i a';",
    "COPY a TO stdout;",
    "-- COPY a FROM stdin;\nSELECT 1;",
  ])("is told from SQL: %j", async (text) => {
    expect(await problemsOf(text)).toEqual([]);
  });

  it("is looked for in one pass, whatever the text repeats", async () => {
    // With one expression for both words this took the square of it: minutes.
    const text = `INSERT INTO a VALUES ('${"copy ".repeat(200_000)}');`;
    expect(await problemsOf(text)).toEqual([]);
  }, 10_000);
});
