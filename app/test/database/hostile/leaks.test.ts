import { afterAll, beforeAll } from "@jest/globals";
import { randomBytes } from "node:crypto";
import { superuser } from "../../../../scripts/embedded-postgres/data-directory.ts";
import { maintain } from "../../support/test-database.ts";
import { all, base, fails, harmless, names, threeFiles, type HostileCase } from "./hostile-case.ts";
import { performAll } from "./perform.ts";

// Roles belong to the whole server, so this one has a name of its own.
const role = `hostile_${randomBytes(4).toString("hex")}`;
beforeAll(() => maintain((query) => query(`CREATE ROLE ${role} SUPERUSER`)));
afterAll(() => maintain((query) => query(`DROP ROLE ${role}`)));

const owners = "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename";
const recordedRoles = "SELECT DISTINCT role FROM public.schema_migration_runs";

interface Leak {
  readonly after: string;
  readonly rows: Readonly<Record<string, unknown[][]>>;
  readonly first?: string;
}

/** What `000002` sets for the session must not reach `000003`. */
function doesNotLeak(title: string, sets: string, { after, rows, first = base }: Leak): HostileCase {
  return {
    title,
    files: threeFiles(sets, { "000001_base.up.sql": first, "000003_after.up.sql": after }),
    acts: [
      { act: "first", exit: 0, applied: all, runs: all.map((name) => `${name} up applied`), rows },
      { act: "again", exit: 0, says: ["Nothing is pending"], applied: all },
    ],
  };
}

const outside = "-- migrate: no-transaction\n";

/** Both kinds of files, for what is left in a different way by each. */
function neverLeaks(title: string, sets: string, leak: Leak): HostileCase[] {
  return [
    doesNotLeak(title, sets, leak),
    doesNotLeak(`${title} (statement by statement)`, outside + sets, leak),
  ];
}

/** The same, where it is a failure of `000003` that shows that the setting is back. */
function holdsAgain(title: string, sets: string, after: string, says: string, first = base): HostileCase {
  return {
    title,
    files: threeFiles(sets, { "000001_base.up.sql": first, "000003_after.up.sql": after }),
    acts: [
      { act: "first", exit: 6, says: ["000003_after failed", says], applied: [names.base, names.case] },
      { act: "again", exit: 6, says: ["000003_after failed", says], applied: [names.base, names.case] },
      { act: "repaired", exit: 0, write: { "000003_after.up.sql": harmless }, applied: all },
    ],
  };
}

/** Everything that one can set and that would do harm in the next file, or to the ledger. */
const settings = `SET search_path = pg_catalog;
SET statement_timeout = '5s';
SET lock_timeout = '1ms';
SET idle_in_transaction_session_timeout = '5s';
SET idle_session_timeout = '5s';
SET transaction_timeout = '5s';
SET default_transaction_read_only = on;
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE;
SET client_encoding = 'LATIN1';
SET standard_conforming_strings = off;
SET check_function_bodies = off;
SET session_replication_role = replica;
SET row_security = off;
SET client_min_messages = debug1;
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SET intervalstyle = 'sql_standard';
SET bytea_output = 'escape';
SET extra_float_digits = -15;
SET client_connection_check_interval = 0;
SET tcp_keepalives_idle = 7200;
SET work_mem = '64kB';
`;
const notTheName = "name <> 'application_name'";

const afterTable = "CREATE TABLE after_t (id integer);\n";
const whereAfter = "SELECT schemaname FROM pg_tables WHERE tablename = 'after_t'";

const recordedOwners = {
  [owners]: [
    ["a1", role],
    ["after_t", superuser],
    ["base", superuser],
    ["schema_migration_runs", superuser],
    ["schema_migrations", superuser],
  ],
  [recordedRoles]: [[superuser]],
};

const cases: HostileCase[] = [
  ...neverLeaks("no setting at all", settings, {
    first: `${base}CREATE TABLE settings AS SELECT name, setting FROM pg_settings WHERE ${notTheName};\n`,
    after: `CREATE TABLE after_t AS SELECT name, setting FROM pg_settings WHERE ${notTheName} EXCEPT SELECT * FROM settings;\n`,
    rows: {
      "SELECT * FROM after_t": [],
      "SELECT name FROM public.schema_migrations ORDER BY run_on, id": all.map((name) => [name]),
    },
  }),
  ...neverLeaks(
    "search_path: the next table is made in public",
    "CREATE SCHEMA other;\nSET search_path = other;\n",
    {
      after: afterTable,
      rows: { [whereAfter]: [["public"]] },
    },
  ),
  doesNotLeak(
    "the empty search_path that dumps begin with",
    "SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.a1 (id integer);\n",
    {
      after: afterTable,
      rows: { [whereAfter]: [["public"]] },
    },
  ),
  ...neverLeaks(
    "SET ROLE: the next table and the ledger's rows belong to the role that migrates",
    `SET ROLE ${role};\nCREATE TABLE a1 (id integer);\n`,
    {
      after: afterTable,
      rows: recordedOwners,
    },
  ),
  ...neverLeaks(
    "SET SESSION AUTHORIZATION",
    `SET SESSION AUTHORIZATION ${role};\nCREATE TABLE a1 (id integer);\n`,
    {
      after: afterTable,
      rows: recordedOwners,
    },
  ),
  holdsAgain(
    "session_replication_role: foreign keys hold again",
    "SET session_replication_role = replica;\nINSERT INTO child VALUES (99);\n",
    "INSERT INTO child VALUES (98);\n",
    "23503: ",
    `${base}ALTER TABLE base ADD PRIMARY KEY (id);\nCREATE TABLE child (p integer REFERENCES base (id));\n`,
  ),
  holdsAgain(
    "check_function_bodies: bodies are looked at again",
    "SET check_function_bodies = off;\nCREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT x FROM nowhere';\n",
    "CREATE FUNCTION g() RETURNS integer LANGUAGE sql AS 'SELECT x FROM nowhere';\n",
    "42P01: ",
  ),
  ...neverLeaks(
    "statement_timeout: neither the next file nor the ledger is cancelled",
    "SET statement_timeout = '50ms';\n",
    {
      after: `SELECT pg_sleep(0.1);\n${afterTable}`,
      rows: {},
    },
  ),
  doesNotLeak(
    "client_encoding: the next file's letters are what they are",
    "SET client_encoding = 'LATIN1';\n",
    {
      after: "CREATE TABLE after_t AS SELECT 'café €'::text AS v;\n",
      rows: { "SELECT v, length(v) FROM after_t": [["café €", 6]] },
    },
  ),
  doesNotLeak(
    "standard_conforming_strings: a backslash is a backslash",
    "SET standard_conforming_strings = off;\n",
    {
      after: "CREATE TABLE after_t AS SELECT 'a\\nb'::text AS v;\n",
      rows: { "SELECT v, length(v) FROM after_t": [["a\\nb", 4]] },
    },
  ),
  ...neverLeaks(
    "temporary tables, prepared statements, listeners and a place in a sequence",
    "CREATE TEMP TABLE scratch (id integer);\nPREPARE p AS SELECT 1;\nLISTEN everything;\nCREATE SEQUENCE s;\nSELECT nextval('s');\n",
    {
      after: `CREATE TEMP TABLE scratch (v text);
PREPARE p AS SELECT 2;
CREATE TABLE after_t AS SELECT array(SELECT pg_listening_channels()) AS channels;
`,
      rows: { "SELECT channels FROM after_t": [[[]]] },
    },
  ),
  fails(
    "a transaction that the file makes read-only, so that nothing can be recorded",
    "SET TRANSACTION READ ONLY;\nSELECT 1;\n",
    {
      says: ["25006: "],
    },
  ),
];

performAll("what a file sets for the session", cases);
