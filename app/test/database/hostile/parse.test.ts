import {
  all,
  base,
  after,
  fails,
  harmless,
  names,
  refusesFile,
  threeFiles,
  works,
  type HostileCase,
} from "./hostile-case.ts";
import { performAll } from "./perform.ts";

/** Bodies in which a naive splitter at semicolons, quotes or dashes loses its way. */
const bodies = `CREATE FUNCTION f1() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'a;b -- no comment'; END $$;
CREATE FUNCTION f2() RETURNS text LANGUAGE sql AS $tag$ SELECT $$;'$$ || ';' $tag$;
`;

/** A file without a statement is applied with a warning, and so is its down. */
function holdsNothing(title: string, text: string): HostileCase {
  const runs = all.map((name) => `${name} up applied`);
  const downs = { "000002_case.down.sql": text, "000003_after.down.sql": "DROP TABLE after_t;\n" };
  const objects = ["after_t", "base"];
  return {
    title,
    files: threeFiles(text, downs),
    acts: [
      {
        act: "first",
        exit: 0,
        says: ["000002_case.up.sql holds no statement.", "3 migrations applied"],
        applied: all,
        runs,
        objects,
      },
      {
        act: "again",
        exit: 0,
        says: ["Nothing is pending"],
        neverSays: ["holds no statement"],
        applied: all,
        runs,
        objects,
      },
      {
        act: "down",
        argv: ["down", "-n", "2", "--yes"],
        exit: 0,
        says: ["000002_case.down.sql holds no statement.", "2 migrations reverted."],
        // Not the note on an edited down file: an empty one is what was recorded.
        neverSays: ["was edited"],
        applied: [names.base],
        runs: [...runs, `${names.after} down reverted`, `${names.case} down reverted`],
        objects: ["base"],
      },
    ],
  };
}

const cases: HostileCase[] = [
  fails(
    "an exception is shown with its detail and hint",
    `DO $$ BEGIN
  RAISE EXCEPTION 'owner missing' USING DETAIL = 'server 17 has none', HINT = 'run the owner import first', ERRCODE = 'P0001';
END $$;`,
    {
      says: [
        "P0001: owner missing",
        "DETAIL: server 17 has none",
        "HINT: run the owner import first",
        "at 000002_case.up.sql:1\n",
      ],
    },
  ),
  fails(
    "a syntax error in statement 3 of 5, among dollar-quoted bodies, is shown with its line and a caret",
    `${bodies}CREATE TABLE a1 (id integer,, v text);
${bodies.replaceAll(/f([12])/g, "g$1")}`,
    {
      says: [
        '42601: syntax error at or near ","\n  at 000002_case.up.sql:3:29\n',
        "  3 | CREATE TABLE a1 (id integer,, v text);\n    |                             ^\n",
        "It was rolled back; nothing of it remains.",
      ],
    },
  ),
  fails(
    "a failure without a position is put to the statement that was running",
    `${bodies}INSERT INTO base VALUES (3, 'three');

  -- one more
  DELETE FROM base WHERE 1 / (id - id) = 1;
${bodies}`,
    {
      says: [
        "22012: division by zero\n  at 000002_case.up.sql:6\n  6 |   DELETE FROM base WHERE 1 / (id - id) = 1;\n",
      ],
    },
  ),
  fails("a comment that nobody closes", "SELECT 1;\n/* the end is\nmissing\nSELECT 2;\n", {
    says: ["42601: unterminated /* comment", "at 000002_case.up.sql:2:1\n  2 | /* the end is\n"],
  }),
  fails("a string that nobody closes", "SELECT 1;\nSELECT 'it''s\nSELECT 2;\n", {
    says: ["42601: unterminated quoted string", "at 000002_case.up.sql:2:8\n"],
  }),
  fails("a dollar quote that nobody closes", "SELECT 1;\nDO $x$ BEGIN NULL; END $y$;\n", {
    says: ["42601: unterminated dollar-quoted string", "at 000002_case.up.sql:2:4\n"],
  }),
  works("no semicolon at the end", "CREATE TABLE a1 (id integer)", ["a1"]),
  works("comments inside comments", "/* a /* b;\n */ c; */ CREATE TABLE a1 (id integer); -- ;\n/**/", ["a1"]),
  works(
    "bodies, rules and SQL-standard functions with semicolons inside, statement by statement",
    // Sent as one message this is 25001: CREATE INDEX CONCURRENTLY cannot run in an implicit transaction.
    `-- migrate: no-transaction
${bodies}CREATE FUNCTION f3() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
CREATE RULE r AS ON DELETE TO base DO ALSO (INSERT INTO base VALUES (9, E'\\';'); UPDATE base SET v = v WHERE id = 0);
CREATE INDEX CONCURRENTLY i1 ON base (id); /* ; */ CREATE INDEX CONCURRENTLY "i;2" ON base (v) -- the end`,
    ["function f1", "function f2", "function f3", "rule r", "index i1", "index i;2"],
    { says: ["000002_case: statement 6 of 6 done"] },
  ),
  holdsNothing("an empty file", ""),
  holdsNothing("nothing but comments", "-- later\n/* perhaps /* never */ */\n"),
  holdsNothing("nothing but white space", " \n\t\n\n"),
  holdsNothing("nothing but semicolons", ";\n;;\n"),
  {
    title: "nothing but a directive, which would run outside a transaction",
    files: threeFiles("-- migrate: no-transaction\n"),
    acts: [
      {
        act: "first",
        exit: 0,
        says: ["000002_case.up.sql holds no statement."],
        applied: all,
        objects: ["after_t", "base"],
      },
      { act: "again", exit: 0, says: ["Nothing is pending"], applied: all },
    ],
  },
  {
    title: "a syntax error in a file that runs outside a transaction: none of its statements runs",
    files: threeFiles(
      "-- migrate: no-transaction\nCREATE TABLE a1 (id integer);\n\nCREATE INDEX CONCURRENTLY i1 on (id);\n",
    ),
    acts: [
      {
        act: "first",
        exit: 6,
        says: [
          '42601: syntax error at or near "("',
          "at 000002_case.up.sql:4:33\n",
          "4 | CREATE INDEX CONCURRENTLY i1 on (id);",
        ],
        // PostgreSQL's parser has judged the whole file before the first statement; no way to "resume" is promised.
        neverSays: ["the statements before stay"],
        applied: [names.base],
        objects: ["base"],
      },
      { act: "again", exit: 6, applied: [names.base], objects: ["base"] },
      { act: "repaired", exit: 0, write: { "000002_case.up.sql": harmless }, applied: all },
    ],
  },
  refusesFile("a directive that is misspelt", "-- migrate: no-transction\nSELECT 1;\n", [
    '000002_case.up.sql:1: unknown directive "no-transction" (did you mean no-transaction?)',
  ]),
  refusesFile(
    "a directive below the first statement",
    "SELECT 1;\n-- migrate: no-transaction\nVACUUM base;\n",
    [
      '000002_case.up.sql:2: the directive "-- migrate: no-transaction" counts only in the comment that the file begins with',
    ],
  ),
  refusesFile("a directive in a block comment", "/* migrate: no-transaction */\nVACUUM base;\n", [
    "000002_case.up.sql:1: ",
    "-- migrate: no-transaction",
  ]),
  {
    title: "every file of a folder is judged before the first runs",
    files: {
      "000001_base.up.sql": base,
      "000002_case.up.sql": "-- migrate: nothing\n",
      "000003_after.up.sql": `-- migrate: retries=many\n${after}`,
    },
    acts: [
      {
        act: "first",
        exit: 7,
        says: [
          "000002_case.up.sql:1: unknown directive",
          "000003_after.up.sql:1: retries must be a whole number",
        ],
        applied: "no table",
        objects: [],
      },
    ],
  },
];

performAll("a file that is hard to parse", cases);
