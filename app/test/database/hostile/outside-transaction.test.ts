import { all, base, harmless, names, threeFiles, works, type Act, type HostileCase } from "./hostile-case.ts";
import { performAll, writeFiles } from "./perform.ts";

const outside = "-- migrate: no-transaction\n";
const progress =
  "SELECT state, statements_done, statements_total, statement_started FROM public.schema_migration_runs WHERE name = '000002_case' ORDER BY id";

/** A concurrent build that finds duplicates, with and without IF NOT EXISTS. */
function uniqueViolation(ifNotExists: string): HostileCase {
  // PostgreSQL leaves an INVALID index, which IF NOT EXISTS would take for the index wanted. We drop it at once.
  const failed: Omit<Act, "act"> = {
    exit: 6,
    says: [
      '23505: could not create unique index "base_v_uq"',
      "DETAIL: Key (v)=(one) is duplicated.",
      "at 000002_case.up.sql:2\n",
      "the failed build left public.base_v_uq INVALID; it was dropped",
      "`migrate up` resumes at the one that failed",
    ],
    applied: [names.base],
    objects: ["base"],
  };
  return {
    title: `a unique violation in a concurrent build${ifNotExists === "" ? "" : " with IF NOT EXISTS"}`,
    files: threeFiles(`${outside}CREATE UNIQUE INDEX CONCURRENTLY${ifNotExists} base_v_uq ON base (v);\n`),
    acts: [
      { act: "first", ...failed },
      { act: "again", ...failed },
      {
        act: "once the duplicate is gone",
        prepare: async ({ database }) => void (await database.query("DELETE FROM base WHERE id = 2")),
        exit: 0,
        applied: all,
        objects: ["after_t", "base", "index base_v_uq"],
      },
    ],
  };
}

const cases: HostileCase[] = [
  uniqueViolation(""),
  uniqueViolation(" IF NOT EXISTS"),
  {
    title: "an INVALID index that somebody left is not taken for the index that IF NOT EXISTS asks for",
    files: threeFiles(`${outside}CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS base_v_uq ON base (v);\n`),
    acts: [
      { act: "base", argv: ["up", "-n", "1", "--yes"], exit: 0, objects: ["base"] },
      {
        act: "the rest",
        prepare: async ({ database }) => {
          await database
            .query('CREATE UNIQUE INDEX CONCURRENTLY "base_v_uq" ON base (v)')
            .catch(() => undefined);
          await database.query("DELETE FROM base WHERE id = 2");
        },
        exit: 0,
        says: ["dropped public.base_v_uq: INVALID, left by an interrupted build; it is built again"],
        applied: all,
        objects: ["after_t", "base", "index base_v_uq"],
      },
    ],
  },
  {
    title: "a statement in the middle that fails: those before stay and are not repeated",
    files: threeFiles(
      `${outside}CREATE INDEX CONCURRENTLY i1 ON base (id);\nCREATE INDEX CONCURRENTLY i2 ON base (later);\nCREATE INDEX CONCURRENTLY i3 ON base (v);\n`,
    ),
    acts: [
      {
        act: "first",
        exit: 6,
        says: [
          '42703: column "later" does not exist',
          "at 000002_case.up.sql:3",
          "the statements before stay",
        ],
        applied: [names.base],
        objects: ["base", "index i1"],
        rows: { [progress]: [["failed", 1, 3, null]] },
      },
      // A plain repetition would say 42P07: i1 exists already.
      {
        act: "again",
        exit: 6,
        says: ["42703: "],
        neverSays: ["42P07"],
        applied: [names.base],
        objects: ["base", "index i1"],
      },
      {
        act: "once the column is there",
        prepare: async ({ database }) =>
          void (await database.query("ALTER TABLE base ADD COLUMN later integer")),
        exit: 0,
        applied: all,
        objects: ["after_t", "base", "index i1", "index i2", "index i3"],
      },
    ],
  },
  {
    title: "the file of a run that stopped half-way has changed: which statement comes next is not guessed",
    files: threeFiles(`${outside}CREATE TABLE a1 (id integer);\nSELECT nothing;\n`),
    acts: [
      { act: "first", exit: 6, applied: [names.base], objects: ["a1", "base"] },
      {
        act: "with another first statement",
        write: { "000002_case.up.sql": `${outside}CREATE TABLE other (id integer);\nSELECT 1;\n` },
        exit: 7,
        says: [
          "The up of 000002_case stopped after statement 1 of 2. It has changed since, in what stands before statement 2",
          "`migrate repair 000002_case --as applied` or `--as pending`",
        ],
        applied: [names.base],
        objects: ["a1", "base"],
      },
    ],
  },
  {
    title: "a statement that fails is repaired in the file: the run resumes there",
    files: threeFiles(
      `${outside}CREATE TABLE a1 (id integer);\nCREATE TABLE a2 (id intger);\nCREATE TABLE a3 (id integer);\n`,
    ),
    acts: [
      {
        act: "first",
        exit: 6,
        says: ['42704: type "intger" does not exist', "at 000002_case.up.sql:3:21"],
        applied: [names.base],
        objects: ["a1", "base"],
      },
      {
        act: "repaired",
        write: {
          "000002_case.up.sql": `${outside}CREATE TABLE a1 (id integer);\nCREATE TABLE a2 (id integer);\nCREATE TABLE a3 (id integer);\n`,
        },
        exit: 0,
        applied: all,
        objects: ["a1", "a2", "a3", "after_t", "base"],
      },
      { act: "again", exit: 0, says: ["Nothing is pending"], applied: all },
    ],
  },
  {
    title: "the first statement fails: the file may change as it likes",
    files: threeFiles(`${outside}SELECT nothing;\nCREATE TABLE a1 (id integer);\n`),
    acts: [
      { act: "first", exit: 6, applied: [names.base] },
      {
        act: "repaired",
        exit: 0,
        write: { "000002_case.up.sql": harmless },
        applied: all,
        objects: ["after_t", "base", "repaired"],
      },
    ],
  },
  {
    title: "DROP DATABASE of the database in use",
    files: threeFiles(""),
    acts: [
      {
        act: "first",
        prepare: async ({ database, folder }) => {
          writeFiles(folder, { "000002_case.up.sql": `${outside}DROP DATABASE "${database.name}";\n` });
        },
        exit: 6,
        says: ["55006: cannot drop the currently open database", "at 000002_case.up.sql:2"],
        applied: [names.base],
        objects: ["base"],
      },
      { act: "again", exit: 6, says: ["55006: "], applied: [names.base] },
      { act: "repaired", exit: 0, write: { "000002_case.up.sql": harmless }, applied: all },
    ],
  },
  works(
    "VACUUM, ANALYZE and REINDEX CONCURRENTLY",
    `${outside}CREATE INDEX i1 ON base (id);\nVACUUM (ANALYZE) base;\nREINDEX TABLE CONCURRENTLY base;\n`,
    ["index i1"],
  ),
  works(
    "a procedure that commits",
    `${outside}CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO base VALUES (3); COMMIT; ROLLBACK; END $$;\nCALL p();\n`,
    ["function p"],
    {
      rows: { "SELECT count(*)::int FROM base": [[3]] },
    },
  ),
  {
    title: "a procedure that commits and then fails: what it committed stays, and that is said",
    files: threeFiles(
      `${outside}CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO base VALUES (3); COMMIT; PERFORM 1 / 0; END $$;\nCALL p();\n`,
    ),
    acts: [
      {
        act: "first",
        exit: 6,
        says: [
          "22012: division by zero",
          "at 000002_case.up.sql:3",
          "the statements before stay; `migrate up` resumes at the one that failed",
        ],
        applied: [names.base],
        objects: ["base", "function p"],
        rows: { "SELECT count(*)::int FROM base": [[3]], [progress]: [["failed", 1, 2, 1]] },
      },
      {
        act: "again",
        exit: 7,
        says: ["Statement 2 of 000002_case (CALL) commits by itself, and a run was stopped in it"],
        rows: { "SELECT count(*)::int FROM base": [[3]] },
      },
    ],
  },
  {
    title: "DISCARD ALL, which also gives up the migration lock",
    files: threeFiles(`${outside}SELECT 1;\nDISCARD ALL;\nCREATE TABLE a1 (id integer);\n`),
    acts: [
      {
        act: "first",
        exit: 0,
        says: [
          "000002_case, statement 2, released the migration lock (pg_advisory_unlock_all or DISCARD ALL?); it was taken again at once",
        ],
        applied: all,
        objects: ["a1", "after_t", "base"],
      },
      { act: "again", exit: 0, says: ["Nothing is pending"], applied: all },
    ],
  },
  {
    title: "a backfill in batches that fails half-way goes on where it was",
    files: threeFiles(
      `-- migrate: repeat-until-zero\nUPDATE base SET v = v || CASE WHEN id > 50 AND fragile() THEN '' ELSE '!' END WHERE ctid IN (SELECT ctid FROM base WHERE v NOT LIKE '%!' LIMIT 10);\n`,
      {
        "000001_base.up.sql": `CREATE TABLE base AS SELECT id, 'x'::text AS v FROM generate_series(1, 100) id;
CREATE FUNCTION fragile() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not yet'; END $$;\n`,
      },
    ),
    acts: [
      {
        act: "first",
        exit: 6,
        says: ["P0001: not yet", "at 000002_case.up.sql:2"],
        applied: [names.base],
        rows: {
          "SELECT count(*)::int FROM base WHERE v = 'x!'": [[50]],
          "SELECT rows_changed::int FROM public.schema_migration_runs WHERE state = 'failed'": [[50]],
        },
      },
      {
        act: "once it can",
        prepare: async ({ database }) =>
          void (await database.query(
            "CREATE OR REPLACE FUNCTION fragile() RETURNS boolean LANGUAGE sql AS 'SELECT false'",
          )),
        exit: 0,
        applied: all,
        rows: { "SELECT count(*)::int FROM base WHERE v = 'x!'": [[100]] },
      },
    ],
  },
  {
    title: "an index without a name cannot be recognised after an interruption",
    files: threeFiles(`${outside}CREATE INDEX CONCURRENTLY ON base (id);\n`),
    acts: [{ act: "first", exit: 7, says: ["000002_case.up.sql:2: name the index"], applied: "no table" }],
  },
  {
    title: "a table that an earlier run made and nobody recorded",
    files: { "000001_base.up.sql": base },
    acts: [
      {
        act: "first",
        prepare: async ({ database }) => void (await database.query("CREATE TABLE base ()")),
        env: { MIGRATE_NONEMPTY_DATABASE: "allow" },
        exit: 6,
        says: ['42P07: relation "base" already exists'],
        applied: [],
        objects: ["base"],
      },
    ],
  },
];

performAll("a file that runs outside a transaction", cases);
