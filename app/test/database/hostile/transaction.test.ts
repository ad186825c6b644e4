import {
  all,
  base,
  fails,
  harmless,
  names,
  refusesFile,
  threeFiles,
  works,
  type HostileCase,
} from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const controls = (lines: string): string =>
  `000002_case.up.sql controls transactions by itself (line ${lines}); what it commits could not be rolled back or recorded.`;
const notInTransaction = "This statement cannot run inside a transaction: put `-- migrate: no-transaction`";
const enumType = { "000001_base.up.sql": `${base}CREATE TYPE mood AS ENUM ('good');\n` };
/** More than is parsed here, so that only the server finds out what the file does. */
const unparsed = `-- ${"x".repeat(100)}\n`.repeat(11_000);

/** What PostgreSQL refuses in a transaction, with the advice that helps. */
const refusedInside = (title: string, text: string, server: string): HostileCase =>
  fails(title, text, {
    says: ["25001: ", server, notInTransaction, "It was rolled back; nothing of it remains."],
  });

const cases: HostileCase[] = [
  // We do better than to run such a file and warn: its BEGIN and COMMIT are left out, so that it is recorded with its effects.
  works(
    "one BEGIN and COMMIT around the whole file",
    "BEGIN;\nCREATE TABLE a1 (id integer);\nCREATE TABLE a2 (id integer);\nCOMMIT;\n",
    ["a1", "a2"],
    {
      says: ["000002_case.up.sql brings its own BEGIN and COMMIT (lines 1 and 4); they are left out"],
    },
  ),
  works(
    "START TRANSACTION and END around the whole file",
    "/* why */ START TRANSACTION;\nCREATE TABLE a1 (id integer);\nEND",
    ["a1"],
    {
      says: ["brings its own BEGIN and COMMIT (lines 1 and 3)"],
    },
  ),
  fails(
    "an error between such a BEGIN and COMMIT: nothing stays, and its line is the file's",
    "BEGIN;\nCREATE TABLE a1 (id integer);\nSELECT 1 / 0;\nCOMMIT;\n",
    {
      says: ["22012: division by zero", "at 000002_case.up.sql:3\n"],
    },
  ),
  {
    title: "a down file with BEGIN and COMMIT around it",
    files: threeFiles("CREATE TABLE a1 (id integer);\n", {
      "000002_case.down.sql": "BEGIN;\nDROP TABLE a1;\nCOMMIT;\n",
      "000003_after.down.sql": "DROP TABLE after_t;\n",
    }),
    acts: [
      { act: "up", exit: 0, applied: all },
      {
        act: "down",
        argv: ["down", "-n", "2", "--yes"],
        exit: 0,
        says: ["000002_case.down.sql brings its own BEGIN and COMMIT"],
        neverSays: ["was edited"],
        applied: [names.base],
        objects: ["base"],
        rows: {
          "SELECT down_text FROM public.schema_migration_runs WHERE name = '000002_case' ORDER BY id": [
            ["BEGIN;\nDROP TABLE a1;\nCOMMIT;\n"],
            ["BEGIN;\nDROP TABLE a1;\nCOMMIT;\n"],
          ],
        },
      },
      { act: "up again", exit: 0, applied: all, objects: ["a1", "after_t", "base"] },
    ],
  },
  // Refused before anything runs, where others commit a part that cannot be taken back.
  refusesFile(
    "a part of the file between BEGIN and COMMIT",
    "BEGIN;\nCREATE TABLE a1 (id integer);\nCOMMIT;\nSELECT 1 / 0;\n",
    [controls("1, 3")],
  ),
  refusesFile("BEGIN without COMMIT", "BEGIN;\nCREATE TABLE a1 (id integer);\n", [controls("1")]),
  refusesFile("COMMIT alone", "CREATE TABLE a1 (id integer);\nCOMMIT;\n", [controls("2")]),
  refusesFile(
    "ROLLBACK alone, after which others record what was never done",
    "CREATE TABLE a1 (id integer);\nROLLBACK;\n",
    [controls("2")],
  ),
  refusesFile("two transactions", "BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;\n", [
    controls("1, 3, 4, 6"),
  ]),
  refusesFile(
    "a prepared transaction, which would outlive everybody",
    "CREATE TABLE a1 (id integer);\nPREPARE TRANSACTION 'left';\n",
    [controls("2")],
  ),
  refusesFile(
    "BEGIN and COMMIT in a file that runs outside a transaction",
    "-- migrate: no-transaction\nBEGIN;\nSELECT 1;\nCOMMIT;\n",
    [controls("2, 4")],
  ),
  fails(
    // The server parses a whole message before it runs any of it, so nothing is committed.
    "BEGIN and COMMIT before a syntax error",
    "BEGIN;\nCREATE TABLE a1 (id integer);\nCOMMIT;\nCREAT TABLE a2 (id integer);\n",
    { says: ['42601: syntax error at or near "CREAT"', "at 000002_case.up.sql:4:1\n"] },
  ),
  {
    title: "COMMIT in a file that is too large to be parsed here: it fails and says what stays",
    files: threeFiles(`${unparsed}CREATE TABLE a1 (id integer);\nCOMMIT;\nCREATE TABLE a2 (id integer);\n`),
    acts: [
      {
        act: "first",
        exit: 6,
        says: [
          "000002_case failed: the migration ended its own transaction",
          "What it committed stays, and is not recorded",
        ],
        neverSays: ["nothing of it remains"],
        applied: [names.base],
        runs: [`${names.base} up applied`, `${names.case} up failed`],
        // The statements behind COMMIT are a transaction of their own until the message ends.
        objects: ["a1", "a2", "base"],
      },
      {
        act: "again",
        exit: 6,
        says: ['42P07: relation "a1" already exists'],
        applied: [names.base],
        objects: ["a1", "a2", "base"],
      },
    ],
  },
  works(
    "savepoints",
    "SAVEPOINT s;\nCREATE TABLE a1 (id integer);\nROLLBACK TO s;\nRELEASE s;\nCREATE TABLE a2 (id integer);\n",
    ["a2"],
  ),
  fails("COMMIT inside a DO block", "DO $$ BEGIN CREATE TABLE a1 (id integer); COMMIT; END $$;\n", {
    says: ["2D000: invalid transaction termination"],
  }),
  fails(
    "a deferred constraint that fails at COMMIT",
    "ALTER TABLE base ADD UNIQUE (id);\nCREATE TABLE a1 (id integer REFERENCES base (id) DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a1 VALUES (99);\n",
    {
      says: [
        '23503: insert or update on table "a1" violates foreign key constraint',
        "DETAIL: Key (id)=(99) is not present",
      ],
    },
  ),
  {
    title: "a new enum value used in the transaction that adds it",
    files: threeFiles(
      "ALTER TYPE mood ADD VALUE 'meh';\nCREATE TABLE a1 (m mood DEFAULT 'meh');\n",
      enumType,
    ),
    acts: [
      {
        act: "first",
        exit: 6,
        says: [
          '55P04: unsafe use of new value "meh"',
          "put ALTER TYPE … ADD VALUE into a migration of its own",
        ],
        applied: [names.base],
        objects: ["base", "enum mood"],
      },
      { act: "again", exit: 6, says: ["55P04: "], applied: [names.base] },
      {
        act: "repaired",
        exit: 0,
        write: {
          "000002_case.up.sql": "ALTER TYPE mood ADD VALUE 'meh';\n",
          "000003_after.up.sql": "CREATE TABLE after_t (m mood DEFAULT 'meh');\n",
        },
        applied: all,
        objects: ["after_t", "base", "enum mood"],
      },
    ],
  },
  {
    // One transaction over all pending migrations would fail here: 55P04.
    title: "a new enum value used by the next migration of the same run",
    files: threeFiles("ALTER TYPE mood ADD VALUE 'meh';\n", {
      ...enumType,
      "000003_after.up.sql": "CREATE TABLE after_t (m mood DEFAULT 'meh');\n",
    }),
    acts: [
      { act: "first", exit: 0, applied: all },
      { act: "again", exit: 0, says: ["Nothing is pending"] },
    ],
  },
  fails(
    "DDL on a table with pending trigger events",
    `CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (id integer, p integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1, 1);
ALTER TABLE child ADD COLUMN v text;
`,
    {
      says: [
        '55006: cannot ALTER TABLE "child" because it has pending trigger events',
        "at 000002_case.up.sql:5\n",
        "split the migration",
      ],
    },
  ),
  refusedInside(
    "ALTER SYSTEM",
    "SELECT 1;\nALTER SYSTEM SET work_mem = '8MB';\n",
    "ALTER SYSTEM cannot run inside a transaction block",
  ),
  refusedInside("DISCARD ALL", "DISCARD ALL;\n", "DISCARD ALL cannot run inside a transaction block"),
  refusedInside(
    "CREATE TABLESPACE",
    "CREATE TABLESPACE t LOCATION '/nowhere';\n",
    "CREATE TABLESPACE cannot run inside a transaction block",
  ),
  refusedInside(
    "CREATE DATABASE",
    "CREATE DATABASE another;\n",
    "CREATE DATABASE cannot run inside a transaction block",
  ),
  refusedInside(
    "DROP DATABASE",
    "DROP DATABASE another;\n",
    "DROP DATABASE cannot run inside a transaction block",
  ),
  refusedInside(
    "CREATE INDEX CONCURRENTLY",
    "CREATE INDEX CONCURRENTLY i1 ON base (id);\n",
    "CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
  ),
  refusedInside("VACUUM", "VACUUM base;\n", "VACUUM cannot run inside a transaction block"),
  {
    title: "the same once the directive is there",
    files: threeFiles("CREATE INDEX CONCURRENTLY i1 ON base (id);\n"),
    acts: [
      { act: "first", exit: 6, applied: [names.base] },
      {
        act: "repaired",
        exit: 0,
        write: {
          "000002_case.up.sql": "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i1 ON base (id);\n",
        },
        applied: all,
        objects: ["after_t", "base", "index i1"],
      },
    ],
  },
  fails(
    "a statement that PostgreSQL aborts in the middle of a file with many",
    `${harmless}INSERT INTO base VALUES (3, 'x');\nSELECT nothing;\n${harmless}`,
    {
      says: ['42703: column "nothing" does not exist'],
      rows: { "SELECT count(*)::int FROM base": [[2]] },
    },
  ),
];

performAll("a file and its transaction", cases);
