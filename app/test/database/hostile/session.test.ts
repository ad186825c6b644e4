import pg from "pg";
import { setTimeout as sleep } from "node:timers/promises";
import { closeSession, openSession } from "../../../database/session.ts";
import { ledgerTables } from "../../../migrate/ledger-tables.ts";
import { lockKey, tryLock } from "../../../migrate/lock.ts";
import { waitForCondition } from "../../support/wait-for-condition.ts";
import {
  all,
  base,
  names,
  threeFiles,
  works,
  type Act,
  type HostileCase,
  type Scene,
} from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const outside = "-- migrate: no-transaction\n";
const endSelf = "SELECT pg_terminate_backend(pg_backend_pid());\n";
const endedBySelf = {
  says: [
    "Somebody, or the migration itself, ended our session",
    "It was rolled back; nothing of it remains.",
  ],
  neverSays: ["    at "],
};
const lockIsFree = {
  "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())":
    [[0]],
};

/** Another session takes the lock as soon as the migration gives it up, and keeps it until the run is over. */
async function takeLockWhenFree({ database }: Scene): Promise<() => Promise<void>> {
  const session = await openSession(database.address, "rival", 5000);
  const key = lockKey(database.name, ledgerTables(database.config));
  const begun =
    "SELECT FROM pg_stat_activity WHERE datname = $1 AND query LIKE '%pg_advisory_unlock_all%' AND pid <> pg_backend_pid()";
  const taken = waitForCondition("the lock to be given up", async () => {
    const { rowCount } = await session.client.query(begun, [database.name]);
    return (rowCount ?? 0) > 0 && (await tryLock(session, key));
  });
  return async () => {
    await taken.finally(() => closeSession(session));
  };
}

const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  // The database is dropped under it when the test fails.
  client.on("error", () => undefined);
  await client.connect();
  return client;
};

/** A session that has read the table and not said goodbye. */
async function readAndStay({ database }: Scene): Promise<() => Promise<void>> {
  const reader = await connect(database.url);
  await reader.query("BEGIN; SELECT * FROM base");
  return () => reader.end();
}

/** Somebody holds the migration lock and does nothing. */
async function holdLock({ database }: Scene): Promise<() => Promise<void>> {
  const session = await openSession(database.address, "migrate up 000007_forgotten", 5000);
  await tryLock(session, lockKey(database.name, ledgerTables(database.config)));
  return () => closeSession(session);
}

const blocked: Omit<Act, "act"> = {
  env: { MIGRATE_LOCK_TIMEOUT: "600ms", MIGRATE_RETRIES: "1" },
  exit: 6,
  prepare: readAndStay,
  says: [
    "55P03: canceling statement due to lock timeout",
    "attempt 2 of 2",
    /In the way: pid \d+ .*BEGIN; SELECT \* FROM base/,
    "It was rolled back; nothing of it remains.",
  ],
  applied: [names.base],
};

const cases: HostileCase[] = [
  {
    title: "ends its own connection",
    files: threeFiles(`CREATE TABLE a1 (id integer);\n${endSelf}`),
    acts: [
      {
        act: "first",
        exit: 4,
        ...endedBySelf,
        applied: [names.base],
        objects: ["base"],
        rows: {
          "SELECT ending || ' ' || (error ->> 'sqlstate') FROM public.schema_migration_runs WHERE name = '000002_case'":
            [["stopped 57P01"]],
          ...lockIsFree,
        },
      },
    ],
  },
  {
    title: "ends its own connection, in a process of its own: no unhandled error, no stack",
    as: "process",
    files: threeFiles(`CREATE TABLE a1 (id integer);\n${endSelf}`),
    acts: [{ act: "first", exit: 4, ...endedBySelf, applied: [names.base], objects: ["base"] }],
  },
  {
    title: "ends its own connection between statements: what was done is known",
    files: threeFiles(`${outside}CREATE TABLE a1 (id integer);\n${endSelf}CREATE TABLE a2 (id integer);\n`),
    acts: [
      {
        act: "first",
        exit: 4,
        says: ["57P01", "the next run resumes there"],
        applied: [names.base],
        objects: ["a1", "base"],
        rows: {
          "SELECT statements_done FROM public.schema_migration_runs WHERE name = '000002_case'": [[1]],
          ...lockIsFree,
        },
      },
      { act: "again", exit: 4, says: ["57P01"], applied: [names.base], objects: ["a1", "base"] },
    ],
  },
  {
    title: "gives up every advisory lock: it is taken again and said",
    files: threeFiles("SELECT pg_advisory_unlock_all();\nCREATE TABLE a1 (id integer);\n"),
    acts: [
      {
        act: "first",
        exit: 0,
        says: [
          "000002_case released the migration lock (pg_advisory_unlock_all or DISCARD ALL?); it was taken again at once.",
        ],
        applied: all,
        rows: lockIsFree,
      },
      { act: "again", exit: 0, says: ["Nothing is pending"], applied: all },
    ],
  },
  {
    title: "gives up every advisory lock, and another runner takes it: this one stops and rolls back",
    files: threeFiles(
      "SELECT pg_advisory_unlock_all();\nCREATE TABLE a1 (id integer);\nSELECT pg_sleep(1);\n",
    ),
    acts: [
      {
        act: "first",
        exit: 6,
        prepare: takeLockWhenFree,
        says: [
          "000002_case released the migration lock",
          "and another runner has taken it. This run stops here",
        ],
        applied: [names.base],
        objects: ["base"],
      },
      { act: "again", exit: 0, applied: all, objects: ["a1", "after_t", "base"] },
    ],
  },
  {
    title:
      "a lock that somebody else holds for ever: it gives up after its retries, and succeeds when he is gone",
    files: threeFiles("ALTER TABLE base ADD COLUMN later integer;\n"),
    acts: [
      { act: "base", argv: ["up", "-n", "1", "--yes"], exit: 0 },
      { act: "first", ...blocked },
      { act: "again", ...blocked },
      { act: "once he is gone", exit: 0, applied: all },
    ],
  },
  works(
    "SET LOCAL lock_timeout in the file, which nobody is in the way of",
    "SET LOCAL lock_timeout = '10ms';\nALTER TABLE base ADD COLUMN later integer;\n",
    [],
  ),
  works(
    "idle_in_transaction_session_timeout in the file: between its statements and COMMIT nothing dawdles",
    "SET idle_in_transaction_session_timeout = '500ms';\nCREATE TABLE a1 (id integer);\n",
    ["a1"],
  ),
  {
    title: "the migration lock is held by somebody who does nothing: he is named, and the exit code is 5",
    files: { "000001_base.up.sql": base },
    acts: [
      {
        act: "first",
        exit: 5,
        env: { MIGRATE_LOCK_WAIT: "300ms" },
        prepare: holdLock,
        says: [
          "The migration lock was not obtained",
          /held by headgate migrate up 000007_forgotten.* \(backend pid \d+, from 127\.0\.0\.1, idle, connected since 20/,
        ],
        applied: "no table",
        objects: [],
      },
      { act: "once he is gone", exit: 0, applied: [names.base] },
    ],
  },
  {
    title: "somebody else ends the connection in the middle",
    files: threeFiles("CREATE TABLE a1 (id integer);\nSELECT pg_sleep(30);\n"),
    acts: [
      {
        act: "first",
        exit: 4,
        prepare: async ({ database }) => {
          const ended = waitForCondition("the migration", async () => {
            const rows = await database.query(
              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'CREATE TABLE a1%' AND wait_event = 'PgSleep'",
              [database.name],
            );
            return rows.length > 0;
          });
          return async () => void (await ended);
        },
        says: [
          "Somebody, or the migration itself, ended our session",
          "It was rolled back; nothing of it remains.",
        ],
        applied: [names.base],
        objects: ["base"],
      },
      {
        act: "repaired",
        exit: 0,
        write: { "000002_case.up.sql": "CREATE TABLE a1 (id integer);\n" },
        applied: all,
      },
    ],
  },
  {
    title: "the tables of the ledger are locked by somebody who looks at them",
    files: threeFiles("CREATE TABLE a1 (id integer);\n"),
    acts: [
      { act: "base", argv: ["up", "-n", "1", "--yes"], exit: 0 },
      {
        act: "the rest",
        exit: 0,
        prepare: async ({ database }) => {
          const reader = await connect(database.url);
          await reader.query(
            "BEGIN; LOCK TABLE public.schema_migrations, public.schema_migration_runs IN ACCESS EXCLUSIVE MODE",
          );
          const over = sleep(500).then(() => reader.end());
          return () => over;
        },
        applied: all,
      },
    ],
  },
];

performAll("a file that loses its connection or its lock", cases);
