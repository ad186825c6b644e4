import { randomBytes } from "node:crypto";
import { afterAll } from "@jest/globals";
import { maintain } from "../../support/test-database.ts";
import { all, fails, names, threeFiles, works, type HostileCase } from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const role = `hostile_${randomBytes(4).toString("hex")}`;
afterAll(() => maintain((query) => query(`DROP ROLE IF EXISTS ${role}`)));

const downs = { "000003_after.down.sql": "DROP TABLE after_t;\n" };
const many = Array.from({ length: 1000 }, (_, index) => `${String(index + 1).padStart(6, "0")}_t`);

const cases: HostileCase[] = [
  fails("an extension that the server does not have", "CREATE EXTENSION no_such_extension;\n", {
    says: [/(?:0A000|58P01): extension "no_such_extension" is not available/],
  }),
  works(
    "a role, which belongs to the whole server",
    `CREATE ROLE ${role};\nGRANT SELECT ON base TO ${role};\nREVOKE ALL ON base FROM ${role};\n`,
    [],
  ),
  {
    title: "a down that fails: the migration stays, and nothing has changed",
    files: threeFiles("CREATE TABLE a1 (id integer);\n", {
      ...downs,
      "000002_case.down.sql": "DROP TABLE a1;\nALTER TABLE base ADD COLUMN IF NOT bool;\n",
    }),
    acts: [
      { act: "up", exit: 0, applied: all },
      { act: "down after", argv: ["down", "-n", "1", "--yes"], exit: 0, applied: [names.base, names.case] },
      {
        act: "down",
        argv: ["down", "-n", "1", "--yes"],
        exit: 6,
        says: ['000002_case failed: 42601: syntax error at or near "bool"', "at 000002_case.down.sql:2:36"],
        applied: [names.base, names.case],
        objects: ["a1", "base"],
      },
      {
        act: "down again",
        argv: ["down", "-n", "1", "--yes"],
        exit: 6,
        applied: [names.base, names.case],
        objects: ["a1", "base"],
      },
      {
        act: "repaired",
        argv: ["down", "-n", "1", "--yes"],
        exit: 0,
        write: { "000002_case.down.sql": "DROP TABLE a1;\n" },
        applied: [names.base],
        objects: ["base"],
      },
    ],
  },
  {
    title: "a down that is missing, or irreversible: refused before anything is reverted",
    files: threeFiles("-- migrate: irreversible the old values are gone\nCREATE TABLE a1 (id integer);\n", {
      ...downs,
      "000002_case.down.sql": "DROP TABLE a1;\n",
    }),
    acts: [
      { act: "up", exit: 0, applied: all },
      {
        act: "down",
        argv: ["down", "-n", "0", "--yes"],
        exit: 7,
        says: ["000002_case is irreversible: the old values are gone.", "000001_base has no down file"],
        applied: all,
        objects: ["a1", "after_t", "base"],
      },
    ],
  },
  {
    title: "a down for psql, or with transactions of its own: refused before anything is reverted",
    files: threeFiles("", {
      ...downs,
      "000002_case.down.sql": "\\i undo.sql\n",
      "000001_base.down.sql": "COMMIT;\n",
    }),
    acts: [
      { act: "up", exit: 0, applied: all },
      {
        act: "down",
        argv: ["down", "-n", "0", "--yes"],
        exit: 7,
        says: [
          '000002_case.down.sql:1: "\\i" is a command of psql',
          "000001_base.down.sql controls transactions by itself (line 1)",
        ],
        applied: all,
      },
    ],
  },
  {
    // What `verify` is there to find; `down` does what the file says.
    title: "a down that is not the inverse of its up",
    files: threeFiles("CREATE TYPE mood AS ENUM ('good');\nALTER TABLE base ADD COLUMN m mood;\n", {
      ...downs,
      "000002_case.down.sql": "ALTER TABLE base DROP COLUMN m;\n",
    }),
    acts: [
      { act: "up", exit: 0, applied: all },
      {
        act: "down",
        argv: ["down", "-n", "2", "--yes"],
        exit: 0,
        applied: [names.base],
        objects: ["base", "enum mood"],
      },
      {
        act: "up again",
        exit: 6,
        says: ['42710: type "mood" already exists'],
        applied: [names.base],
        objects: ["base", "enum mood"],
      },
    ],
  },
  {
    title:
      "the image that brought the migration is gone: its down comes from the ledger, unless that was tampered with",
    files: threeFiles("CREATE TABLE a1 (id integer);\n", {
      ...downs,
      "000002_case.down.sql": "DROP TABLE a1;\n",
    }),
    acts: [
      { act: "up", exit: 0, applied: all },
      {
        act: "older image",
        argv: ["down", "-n", "1", "--yes"],
        exit: 0,
        remove: ["000003_after.up.sql", "000003_after.down.sql"],
        applied: [names.base, names.case],
        objects: ["a1", "base"],
      },
      {
        act: "still older image, tampered ledger",
        argv: ["down", "-n", "1", "--yes"],
        exit: 7,
        remove: ["000002_case.up.sql", "000002_case.down.sql"],
        prepare: async ({ database }) =>
          void (await database.query(
            "UPDATE schema_migration_runs SET down_text = 'DROP TABLE base' WHERE name = '000002_case'",
          )),
        says: [
          "000002_case: the down text in the ledger does not match its checksum; it was tampered with and is not run.",
        ],
        applied: [names.base, names.case],
        objects: ["a1", "base"],
      },
    ],
  },
  {
    // Most of them were applied by node-pg-migrate before Headgate came, so that this takes no minute.
    title: "a thousand migrations",
    files: Object.fromEntries(many.map((name) => [`${name}.up.sql`, `-- ${name}\nSELECT 1;\n`])),
    acts: [
      { act: "the first ten", argv: ["up", "-n", "10", "--yes"], exit: 0, applied: many.slice(0, 10) },
      {
        act: "the last ten",
        prepare: async ({ database }) =>
          void (await database.query(
            "INSERT INTO schema_migrations (name, run_on) SELECT lpad(i::text, 6, '0') || '_t', now() FROM generate_series(11, 990) i",
          )),
        exit: 0,
        says: ["10 migrations applied"],
        applied: many,
      },
      { act: "again", exit: 0, says: ["Nothing is pending; the schema is at 001000_t."] },
    ],
  },
];

performAll("a file with a surprise for the way up or down", cases);
