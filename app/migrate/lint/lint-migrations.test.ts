import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { lintMigrations, type LintOptions } from "./lint-migrations.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "headgate-lint-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

/** What is found in the folder, a line each: `file:line:column severity rule`. */
async function found(only: readonly string[] = [], options: LintOptions = {}): Promise<string[]> {
  const { migrations } = await lintMigrations(folder, only, options);
  return migrations.flatMap(({ findings }) =>
    findings.map(
      ({ file, line, column, severity, rule }) =>
        `${file.slice(folder.length + 1)}:${line}:${column} ${severity} ${rule}`,
    ),
  );
}

/** The same for one up file that has a down and a good name, without the file's name. */
async function foundIn(sql: string, options: LintOptions = {}): Promise<string[]> {
  write({ "000001_try_this.up.sql": sql, "000001_try_this.down.sql": "SELECT 1;" });
  return (await found([], options)).map((line) => line.replace("000001_try_this.up.sql:", ""));
}

const outside = "-- migrate: no-transaction\n";

const cases: readonly (readonly [title: string, sql: string, findings: readonly string[]])[] = [
  ["a table that is made", "CREATE TABLE a (id bigint PRIMARY KEY, name text NOT NULL);", []],
  [
    "CONCURRENTLY as the only statement of a transaction",
    "CREATE INDEX CONCURRENTLY i ON a (b);",
    ["1:1 error cannot-run-in-transaction"],
  ],
  ["the same outside a transaction", `${outside}CREATE INDEX CONCURRENTLY i ON a (b);`, []],
  [
    "all else that a transaction refuses",
    [
      "VACUUM a;",
      "ALTER SYSTEM SET work_mem = '1MB';",
      "CREATE DATABASE d;",
      "CREATE TABLESPACE s LOCATION '/s';",
      "REINDEX TABLE CONCURRENTLY a;",
      "ALTER TABLE a DETACH PARTITION b CONCURRENTLY;",
      "DISCARD ALL;",
      "REINDEX DATABASE d;",
      "DROP INDEX CONCURRENTLY i;",
    ].join("\n"),
    [
      "1:1 error cannot-run-in-transaction",
      "2:1 error cannot-run-in-transaction",
      "2:1 note cluster-wide",
      "3:1 error cannot-run-in-transaction",
      "3:1 note cluster-wide",
      "4:1 error cannot-run-in-transaction",
      "4:1 note cluster-wide",
      "5:1 error cannot-run-in-transaction",
      "6:1 error cannot-run-in-transaction",
      "7:1 error cannot-run-in-transaction",
      "7:1 error releases-lock",
      "8:1 error cannot-run-in-transaction",
      "8:1 warning require-concurrent-reindex",
      "9:1 error cannot-run-in-transaction",
    ],
  ],
  ["ANALYZE, DISCARD PLANS and DO, which it takes", "ANALYZE a; DISCARD PLANS; DO $$ BEGIN END $$;", []],
  [
    "another statement beside CONCURRENTLY",
    `${outside}SET work_mem = '1GB';\nCREATE INDEX CONCURRENTLY i ON a (b);\n  ALTER TABLE a ADD COLUMN c text;`,
    ["4:3 warning mixed-with-concurrently"],
  ],
  [
    "an old index dropped beside the new one",
    `${outside}CREATE INDEX CONCURRENTLY i ON a (b);\nDROP INDEX CONCURRENTLY j;`,
    [],
  ],
  [
    "IF NOT EXISTS with CONCURRENTLY, which squawk would ask for",
    `${outside}CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b);`,
    ["2:1 warning concurrently-if-not-exists"],
  ],
  [
    "rows changed behind a lock",
    "ALTER TABLE a ADD COLUMN b text;\nUPDATE a SET b = '';",
    ["2:1 warning data-change-with-ddl"],
  ],
  [
    "rows changed behind a lock, by a WITH",
    "WITH gone AS (DELETE FROM a RETURNING id) SELECT FROM gone;\nDROP TABLE b;",
    ["1:1 warning data-change-with-ddl", "2:1 warning ban-drop-table"],
  ],
  [
    "rows put into a table that the file makes",
    "CREATE TABLE public.a (id bigint);\nINSERT INTO a VALUES (1);\nALTER TABLE a ADD COLUMN b text;",
    [],
  ],
  [
    "rows changed and locks taken outside a transaction",
    `${outside}ALTER TABLE a ADD COLUMN b text;\nUPDATE a SET b = '';`,
    [],
  ],
  [
    "every way to write to the ledger",
    [
      "INSERT INTO schema_migrations (name) VALUES ('x');",
      "UPDATE public.schema_migration_runs SET state = 'applied';",
      "WITH gone AS (DELETE FROM schema_migrations RETURNING 1) SELECT FROM gone;",
      "COPY schema_migrations FROM '/tmp/x';",
      "MERGE INTO schema_migrations m USING a ON true WHEN MATCHED THEN DELETE;",
    ].join("\n"),
    [1, 2, 3, 4, 5].map((line) => `${line}:1 error writes-ledger`),
  ],
  [
    "what only reads the ledger, or has its name in a text",
    "INSERT INTO a SELECT name FROM schema_migrations;\nCOPY schema_migrations TO '/tmp/x';\nSELECT 'DELETE FROM schema_migrations';",
    [],
  ],
  [
    "what a resumed run could not make again",
    `${outside}${[
      "CREATE TEMPORARY TABLE t (id bigint);",
      "SELECT 1 AS a INTO TEMP u;",
      "SELECT set_config('app.x', current_user, false);",
      "DECLARE c CURSOR WITH HOLD FOR SELECT 1;",
      "SELECT pg_advisory_lock(1);",
      "LISTEN x;",
      "CREATE TEMP TABLE v AS SELECT 1 AS a;",
      "CREATE TEMP VIEW w AS SELECT 1 AS a;",
      "SELECT 1;",
    ].join("\n")}`,
    [2, 3, 4, 5, 6, 7, 8, 9].map((line) => `${line}:1 warning session-state`),
  ],
  [
    "what it can make again, and what is left at the end",
    `${outside}SELECT set_config('search_path', '', false);\nSET ROLE a;\nPREPARE p AS SELECT 1;\nSELECT set_config('app.x', current_user, true);\nSELECT pg_advisory_lock(1);`,
    [],
  ],
  [
    "locks and rows of tables that CREATE TABLE AS and SELECT INTO make",
    "CREATE TABLE a AS SELECT 1 AS b;\nCREATE INDEX i ON a (b);\nALTER TABLE a ALTER COLUMN b SET NOT NULL;\nUPDATE a SET b = 2;\nSELECT 1 AS c INTO d FROM a;\nCREATE INDEX j ON d (c);",
    [],
  ],
  ["rows changed alone", "UPDATE a SET b = '';", []],
  [
    "a new enum value that is used at once",
    "ALTER TYPE mood ADD VALUE 'ok' AFTER 'sad';\n/* é */ INSERT INTO a VALUES ('ok'::mood);",
    ["2:31 warning enum-value-used"],
  ],
  [
    "nothing in types of other kinds",
    "CREATE DOMAIN amount AS bigint;\nCREATE TYPE pair AS (a bigint, b bigint);",
    [],
  ],
  [
    "a new enum value of a type that the file makes",
    "CREATE TYPE mood AS ENUM ('sad');\nALTER TYPE mood ADD VALUE 'ok' AFTER 'sad';\nSELECT 'ok'::mood;",
    [],
  ],
  [
    "a constraint validated at once: said once, by us",
    "ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID;\nALTER TABLE a VALIDATE CONSTRAINT c;",
    ["2:1 warning validated-at-once"],
  ],
  ["a constraint validated later", "ALTER TABLE a VALIDATE CONSTRAINT c;", []],
  [
    "settings of the session",
    "SET search_path = x;\nSELECT set_config('a.b', 'c', false);\nSET LOCAL work_mem = '1GB';\nSELECT set_config('a.b', 'c', true);\nRESET ALL;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
    ["1:1 note session-setting", "2:1 note session-setting"],
  ],
  ["the release of our lock", "SELECT pg_catalog.pg_advisory_unlock_all();", ["1:1 error releases-lock"]],
  [
    "COPY … PROGRAM, either way",
    "COPY a FROM PROGRAM 'id';\nCOPY a TO PROGRAM 'id';",
    ["1:1 error copy-program", "2:1 error copy-program"],
  ],
  [
    "roles",
    "CREATE ROLE r;\nGRANT r TO s;\nGRANT SELECT ON a TO r;",
    ["1:1 note cluster-wide", "2:1 note cluster-wide"],
  ],
  [
    "an endless round",
    "-- migrate: repeat-until-zero\nUPDATE a SET b = '' WHERE b IS NULL;",
    ["2:1 warning unbounded-repeat"],
  ],
  [
    "a bounded round",
    "-- migrate: repeat-until-zero\nUPDATE a SET b = '' WHERE id IN (SELECT id FROM a WHERE b IS NULL LIMIT 10);",
    [],
  ],
  ["nothing", "-- later\n;", ["1:1 warning no-statement"]],
  ["a transaction of its own", "BEGIN;\nSELECT 1;\nCOMMIT;", ["1:1 note own-transaction"]],
  ["a COMMIT in the middle", "SELECT 1;\n COMMIT;", ["2:1 error not-runnable"]],
  ["a misspelt directive", "\n-- migrate: no-transction\nSELECT 1;", ["2:1 error not-runnable"]],
  ["wrong syntax", "SELECT 1;\nSELEC 2;", ["2:1 error syntax-error"]],
  ["a command of psql", "SELECT 1;\n\\d a", ["2:1 error not-runnable"]],
  [
    "a unique constraint: said once, and never that it be NOT VALID",
    "ALTER TABLE é ADD CONSTRAINT c UNIQUE (b);",
    ["1:19 warning disallowed-unique-constraint"],
  ],
  [
    "a foreign key: said once",
    "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (d);",
    ["1:19 warning adding-foreign-key-constraint"],
  ],
  [
    "an index on a table that the transaction makes, which nobody waits for",
    "CREATE TABLE a (b bigint);\nCREATE INDEX i ON a (b);",
    [],
  ],
  [
    "the same outside a transaction, where others see the table between the two",
    `${outside}CREATE TABLE a (b bigint);\nCREATE INDEX i ON a (b);`,
    ["3:1 warning require-concurrent-index-creation"],
  ],
  ["a type, which is a matter of taste", "CREATE TABLE a (b int);", ["1:19 note prefer-bigint-over-int"]],
  [
    "an index that writers wait for",
    "\n  CREATE INDEX i ON a (b);",
    ["2:3 warning require-concurrent-index-creation"],
  ],
];

describe("migrate lint", () => {
  it.each(cases)("finds in %s", async (_title, sql, expected) => {
    expect(await foundIn(sql)).toEqual(expected);
  });

  it("lets the registry's own migrations pass", async () => {
    const { migrations } = await lintMigrations({ migrationsDirectory: "migrations" });
    expect(migrations.length).toBeGreaterThan(3);
    expect(
      migrations.flatMap(({ findings }) => findings.filter(({ severity }) => severity !== "note")),
    ).toEqual([]);
  });

  it("judges names, widths and missing downs", async () => {
    write({
      "000001_make_a.up.sql": "SELECT 1;",
      "000001_make_a.down.sql": "SELECT 1;",
      "000002_AddB.up.sql": "SELECT 1;",
      "000002_AddB.down.sql": "SELECT 1;",
      "03_add_c.up.sql": "SELECT 1;",
      "000004_add_d.up.sql": "-- migrate: irreversible the old names are gone\nSELECT 1;",
      "000005_add_e.ts": "export const up = () => {};\nexport const down = false;",
    });
    expect(await found()).toEqual([
      "000002_AddB.up.sql:1:1 note name-form",
      "03_add_c.up.sql:1:1 note version-width",
      "03_add_c.up.sql:1:1 warning missing-down",
      "000005_add_e.ts:1:1 warning missing-down",
      "000005_add_e.ts:1:1 note code-not-judged",
    ]);
  });

  it("is milder with downs: what drops is off, what locks is a note, what fails is an error", async () => {
    write({
      "000001_make_a.up.sql": "SELECT 1;",
      "000001_make_a.down.sql": "DROP TABLE a;\nDROP INDEX b;\nVACUUM c;",
    });
    expect(await found()).toEqual([
      "000001_make_a.down.sql:2:1 note require-concurrent-index-deletion",
      "000001_make_a.down.sql:3:1 error cannot-run-in-transaction",
    ]);
  });

  it("says of each finding what, why and where, with the line", async () => {
    write({ "000001_make_a.up.sql": "-- é\n/* é */ VACUUM a;", "000001_make_a.down.sql": "SELECT 1;" });
    expect((await lintMigrations(folder)).migrations).toEqual([
      {
        version: "000001",
        name: "000001_make_a",
        findings: [
          {
            file: join(folder, "000001_make_a.up.sql"),
            direction: "up",
            line: 2,
            column: 9,
            rule: "cannot-run-in-transaction",
            severity: "error",
            message: "VACUUM cannot run inside a transaction, and this file runs in one.",
            help: "Begin the file with `-- migrate: no-transaction`, and keep the statement in a file of its own.",
            excerpt: ["  2 | /* é */ VACUUM a;", "    |         ^"],
          },
        ],
      },
    ]);
  });

  it("counts lines and columns alike with a byte-order mark and Windows line ends", async () => {
    expect(await foundIn("\uFEFFSELECT 1;\r\n CREATE INDEX i ON a (b);\r\n")).toEqual([
      "2:2 warning require-concurrent-index-creation",
    ]);
  });
});

describe("a file that squawk cannot bear", () => {
  it("loses no other file its verdict, and is a finding", async () => {
    write({
      "000001_nest_deep.up.sql": `SELECT ${"(".repeat(20_000)}1${")".repeat(20_000)};`,
      "000001_nest_deep.down.sql": "SELECT 1;",
      "000002_add_more.up.sql": `SELECT ${"1+".repeat(10_000)}1;`,
      "000002_add_more.down.sql": "SELECT 1;",
      "000003_bad_bytes.up.sql": Buffer.from("SELECT \xff;", "latin1"),
      "000003_bad_bytes.down.sql": "SELECT 1;",
      "000004_copy_data.up.sql": "SELECT 1;\nCOPY a FROM stdin;\n1\tx\n\\.\n",
      "000004_copy_data.down.sql": "SELECT 1;",
      "000005_make_index.up.sql": "CREATE INDEX i ON a (b);",
      "000005_make_index.down.sql": "SELECT 1;",
    });
    expect(await found()).toEqual([
      "000001_nest_deep.up.sql:1:1 warning not-judged",
      "000001_nest_deep.up.sql:1:10004 error syntax-error",
      "000002_add_more.up.sql:1:1 warning not-judged",
      "000003_bad_bytes.up.sql:1:1 error not-runnable",
      "000004_copy_data.up.sql:2:1 error not-runnable",
      "000005_make_index.up.sql:1:1 warning require-concurrent-index-creation",
    ]);
    const [nested] = (await lintMigrations(folder, ["1"])).migrations;
    expect(nested?.findings[0]?.message).toBe("Not judged by squawk: it ended with SIGABRT.");
  });
});

describe("allow=RULE REASON", () => {
  it("silences one rule in its file, ours or squawk's", async () => {
    const head =
      "-- migrate: allow=cluster-wide made once\n-- migrate: allow=require-concurrent-index-creation a hundred rows\n";
    expect(await foundIn(`${head}CREATE ROLE r;\nCREATE INDEX i ON a (b);\nCOPY a TO PROGRAM 'x';`)).toEqual([
      "5:1 error copy-program",
    ]);
  });

  it("is a finding when it names no rule, or silences nothing", async () => {
    const head = [
      "-- migrate: allow=clusterwide typo",
      "-- migrate: allow=cluster-wide not here",
      "-- migrate: allow=prefer-robust-stmts off",
      "-- migrate: allow=ban-drop-table not here",
    ].join("\n");
    expect(await foundIn(`${head}\nSELECT 1;`)).toEqual([
      "1:19 warning unknown-allow",
      "2:19 warning unused-allow",
      "3:19 warning unused-allow",
      "4:19 warning unused-allow",
    ]);
  });

  it("is not held to be useless where squawk could not look", async () => {
    write({
      "000001_nest_deep.up.sql": `-- migrate: allow=ban-drop-table maybe\nSELECT ${"(".repeat(20_000)}1${")".repeat(20_000)};`,
      "000001_nest_deep.down.sql": "SELECT 1;",
    });
    expect((await found()).map((line) => line.split(" ")[2])).toEqual(["not-judged", "syntax-error"]);
  });
});

describe("what is judged", () => {
  const index = "CREATE INDEX i ON a (b);";
  beforeEach(() => {
    write({
      "000001_make_i.up.sql": index,
      "000001_make_i.down.sql": index,
      "000002_make_j.up.sql": index,
      "000002_make_j.down.sql": index,
      "000010_make_k.up.sql": index,
      "000010_make_k.down.sql": index,
    });
  });
  const judged = async (only: readonly string[], options?: LintOptions): Promise<string[]> =>
    (await found(only, options)).map((line) => line.split(":")[0]!);

  it.each([
    [["10"], ["000010_make_k.up.sql", "000010_make_k.down.sql"]],
    [["000002_make_j"], ["000002_make_j.up.sql", "000002_make_j.down.sql"]],
    [
      ["000010_make_k.down.sql", "000001_make_i.up.sql", "000001_make_i.up.sql"],
      ["000001_make_i.up.sql", "000010_make_k.down.sql"],
    ],
  ])("are the files that were named: %j", async (only, expected) => {
    expect(await judged(only)).toEqual(expected);
  });

  it("are files by their path", async () => {
    expect(await judged([join(folder, "000002_make_j.up.sql")])).toEqual(["000002_make_j.up.sql"]);
  });

  it("is what is newer than `since`, as a number", async () => {
    expect(await judged([], { since: 2n })).toEqual(["000010_make_k.up.sql", "000010_make_k.down.sql"]);
    expect(await judged([], { since: 10n })).toEqual([]);
  });

  it.each(["000003", "000001_make", "/elsewhere/000001_make_i.up.sql"])("must exist: %s", async (word) => {
    await expect(lintMigrations(folder, [word])).rejects.toMatchObject({
      code: "usage",
      message: `"${word}" is no migration in ${folder}; give a version, a name, or a path to a file there.`,
    });
  });
});

describe("the server's version", () => {
  const partition = "ALTER TABLE a DETACH PARTITION b;";

  it("decides what syntax there is", async () => {
    const sql = [
      "CREATE TABLE a (b bigint, c bigint GENERATED ALWAYS AS (b) VIRTUAL, UNIQUE NULLS NOT DISTINCT (b));",
      "MERGE INTO a USING c ON true WHEN MATCHED THEN DELETE RETURNING *;",
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;",
      "CREATE TABLE d (e bigint, CHECK (e > 0) NOT ENFORCED, CHECK (e > 1));",
    ].join("\n");
    const versions = [13, 14, 15, 17, 18];
    const counts = await Promise.all(
      versions.map(async (serverVersion) => {
        write({ "000001_try_this.up.sql": sql, "000001_try_this.down.sql": "SELECT 1;" });
        const all = await found([], { serverVersion });
        return all.filter((line) => line.endsWith("error needs-newer-server")).length;
      }),
    );
    expect(counts).toEqual([6, 5, 3, 2, 0]);
  });

  it("decides what advice can be followed", async () => {
    expect(await foundIn(partition, { serverVersion: 13 })).toEqual([]);
    expect(await foundIn(partition, { serverVersion: 14 })).toEqual([
      "1:15 warning require-concurrent-partition-detach",
    ]);
  });

  it("is the newest unless given", async () => {
    write({ "000001_try_this.up.sql": "SELECT 1;" });
    expect((await lintMigrations(folder)).serverVersion).toBe(18);
  });
});
