import { after, all, base, fails, harmless, names, threeFiles, type HostileCase } from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const inOwnSchema = { MIGRATIONS_SCHEMA: "bookkeeping" };
const ownNames = "SELECT name FROM bookkeeping.schema_migrations ORDER BY id";
const byHand =
  (text: string) =>
  async ({ database }: { database: { query(text: string): Promise<unknown> } }): Promise<void> =>
    void (await database.query(text));

const cases: HostileCase[] = [
  fails(
    "drops the schema that the ledger is in: rolled back, so that nothing goes unrecorded",
    "DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n",
    {
      says: [
        `the migration dropped Headgate's ledger in schema "public"`,
        "MIGRATIONS_SCHEMA",
        "It was rolled back; nothing of it remains.",
      ],
    },
  ),
  {
    title: "drops the schema public while the ledger is in one of its own",
    files: threeFiles("DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n"),
    acts: [
      { act: "first", exit: 0, env: inOwnSchema, rows: { [ownNames]: all.map((name) => [name]) } },
      { act: "again", exit: 0, env: inOwnSchema, says: ["Nothing is pending"] },
    ],
  },
  fails(
    "drops the table of applied names",
    "CREATE TABLE a1 (id integer);\nDROP TABLE schema_migrations;\n",
    {
      says: [`the migration dropped Headgate's ledger in schema "public"`],
    },
  ),
  fails("drops the table of runs", "CREATE TABLE a1 (id integer);\nDROP TABLE schema_migration_runs;\n", {
    says: [`the migration dropped Headgate's ledger in schema "public"`],
  }),
  fails(
    "takes a column away from the table of runs",
    "ALTER TABLE schema_migration_runs DROP COLUMN checksum;\n",
    {
      says: ['42703: column "checksum" of relation "schema_migration_runs" does not exist'],
    },
  ),
  {
    title: "drops the table of runs in the middle of a file that runs statement by statement",
    files: threeFiles(
      "-- migrate: no-transaction\nCREATE TABLE a1 (id integer);\nDROP TABLE schema_migration_runs;\n",
    ),
    acts: [
      {
        act: "first",
        exit: 6,
        says: ["000002_case failed: 42P01: "],
        applied: [names.base],
        runs: ["000001_base up applied", "000002_case up failed"],
        objects: ["a1", "base"],
      },
      { act: "again", exit: 6, neverSays: ["42P07"], applied: [names.base] },
    ],
  },
  {
    title: "empties the table of applied names: the run itself finds out, and so does the next",
    files: threeFiles("DELETE FROM schema_migrations;\n"),
    acts: [
      {
        act: "first",
        exit: 7,
        says: ["The migrations ran, and afterwards the ledger does not say so: 000001_base."],
        applied: [names.case, names.after],
      },
      {
        act: "again",
        exit: 7,
        says: [
          "000001_base: the runs say that it is applied, but it is not in the table of applied names.",
          "`migrate repair 000001_base --as applied` or `--as pending`",
        ],
        applied: [names.case, names.after],
      },
      {
        act: "out of order does not run it twice either",
        argv: ["up", "--yes", "--allow-out-of-order"],
        exit: 7,
        applied: [names.case, names.after],
      },
      {
        act: "by a person's word",
        argv: ["repair", "000001_base", "--as", "applied", "--yes"],
        exit: 0,
        applied: all,
      },
      { act: "afterwards", exit: 0, says: ["Nothing is pending"] },
    ],
  },
  {
    title: "records itself, as files of some tools do: rolled back, or the name would stand there twice",
    files: threeFiles("INSERT INTO schema_migrations (name, run_on) VALUES ('000002_case', now());\n"),
    acts: [
      {
        act: "first",
        exit: 7,
        says: [
          "000002_case: a row that Headgate wrote to its ledger is not there",
          "It was rolled back; nothing of it remains.",
        ],
        applied: [names.base],
      },
      { act: "once it leaves that alone", exit: 0, write: { "000002_case.up.sql": harmless }, applied: all },
    ],
  },
  {
    title: "both tables were dropped by hand: what is there already is not run over",
    files: threeFiles(harmless),
    acts: [
      { act: "first", exit: 0, applied: all },
      {
        act: "without a ledger",
        exit: 7,
        prepare: byHand("DROP TABLE schema_migrations, schema_migration_runs"),
        says: [
          "This database has tables (public.after_t, public.base, public.repaired) and no ledger of Headgate's",
        ],
        applied: "no table",
        objects: ["after_t", "base", "repaired"],
      },
    ],
  },
  {
    title: "the table of runs was dropped by hand: what is applied is still known",
    files: threeFiles(harmless),
    acts: [
      { act: "first", exit: 0, applied: all },
      {
        act: "without it",
        exit: 0,
        prepare: byHand("DROP TABLE schema_migration_runs"),
        says: ["Nothing is pending"],
        applied: all,
      },
      {
        act: "with something to do",
        exit: 0,
        write: { "000004_more.up.sql": "CREATE TABLE more ();\n" },
        applied: [...all, "000004_more"],
        runs: [
          "000001_base baseline applied",
          "000002_case baseline applied",
          "000003_after baseline applied",
          "000004_more up applied",
        ],
      },
    ],
  },
  {
    title: "the table of applied names was dropped by hand: nothing is run twice",
    files: threeFiles("INSERT INTO base VALUES (3, 'three');\n", {
      "000001_base.up.sql": base.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"),
      "000003_after.up.sql": harmless,
    }),
    acts: [
      { act: "first", exit: 0, applied: all },
      {
        act: "without it",
        exit: 7,
        prepare: byHand("DROP TABLE schema_migrations"),
        says: ['The table "public"."schema_migrations" is gone', "records 3 migrations as applied"],
        applied: "no table",
        rows: { "SELECT count(*)::int FROM base": [[3]] },
      },
    ],
  },
  {
    title: "a table of that name belongs to golang-migrate",
    files: { "000001_base.up.sql": base },
    acts: [
      {
        act: "first",
        exit: 7,
        prepare: byHand(
          "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)",
        ),
        says: [
          "belongs to another tool (columns version, dirty)",
          "`migrate baseline --adopt golang-migrate` takes its history over",
          "MIGRATIONS_TABLE",
        ],
        rows: {
          "SELECT count(*)::int FROM pg_class WHERE relname IN ('base', 'schema_migration_runs')": [[0]],
        },
      },
      {
        act: "beside it, which takes a person's word",
        exit: 7,
        env: { MIGRATIONS_TABLE: "our_migrations" },
        says: ["golang-migrate"],
        rows: { "SELECT to_regclass('our_migrations') IS NULL": [[true]] },
      },
      {
        act: "consent",
        argv: ["baseline", "0", "--yes"],
        exit: 0,
        env: { MIGRATIONS_TABLE: "our_migrations" },
      },
      {
        act: "beside it",
        exit: 0,
        env: { MIGRATIONS_TABLE: "our_migrations" },
        rows: { "SELECT name FROM our_migrations": [[names.base]] },
      },
    ],
  },
  {
    title: "a table of that name belongs to dbmate or Rails",
    files: { "000001_base.up.sql": base },
    acts: [
      {
        act: "first",
        exit: 7,
        prepare: byHand("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)"),
        says: ["belongs to another tool (columns version)"],
        rows: { "SELECT to_regclass('base') IS NULL": [[true]] },
      },
    ],
  },
  {
    title: "its name is a piece of SQL in the table of applied names",
    files: threeFiles(after.replace("after_t", "a1")),
    acts: [
      { act: "first", exit: 0, applied: all },
      {
        act: "with a name from elsewhere",
        exit: 7,
        prepare: byHand(
          "INSERT INTO schema_migrations (name, run_on) VALUES ('0); DROP TABLE base; --', now())",
        ),
        says: ["0); DROP TABLE base; -- is applied"],
        objects: ["a1", "after_t", "base"],
      },
    ],
  },
];

performAll("a file or a person that touches the ledger", cases);
