import {
  all,
  base,
  fails,
  refusesFile,
  threeFiles,
  works,
  type HostileCase,
} from "./hostile/hostile-case.ts";
import { performAll } from "./hostile/perform.ts";

const level = "CREATE TABLE a1 AS SELECT current_setting('transaction_isolation') AS level;\n";
const levelIs = (text: string): { rows: Record<string, unknown[][]> } => ({
  rows: { "SELECT level FROM a1": [[text]] },
});

const cases: HostileCase[] = [
  works(
    "BEGIN ISOLATION LEVEL SERIALIZABLE around the file",
    `BEGIN ISOLATION LEVEL SERIALIZABLE;\n${level}COMMIT;\n`,
    ["a1"],
    {
      ...levelIs("serializable"),
    },
  ),
  works(
    "SET TRANSACTION before every query",
    `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n${level}`,
    ["a1"],
    levelIs("repeatable read"),
  ),
  works(
    "SET TRANSACTION behind BEGIN, and nothing of it in the next file",
    `BEGIN;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n${level}COMMIT;\n`,
    ["a1"],
    {
      others: {
        "000003_after.up.sql":
          "CREATE TABLE after_t AS SELECT current_setting('transaction_isolation') AS level;\n",
      },
      rows: { "SELECT level FROM a1": [["serializable"]], "SELECT level FROM after_t": [["read committed"]] },
    },
  ),
  works("a plain BEGIN and COMMIT", `BEGIN;\n${level}COMMIT;\n`, ["a1"], levelIs("read committed")),
  fails(
    "SET TRANSACTION behind a query, which PostgreSQL refuses, without advice that would make it do nothing",
    `SELECT 1;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n${level}`,
    { says: ["25001", "make it the first statement of the file"], neverSays: ["-- migrate: no-transaction"] },
  ),
  refusesFile(
    "a level for later transactions alone",
    `SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n${level}`,
    ["000002_case.up.sql:1: this is for later transactions"],
  ),
  refusesFile("READ ONLY, in which nothing could be recorded", `BEGIN READ ONLY;\nSELECT 1;\nCOMMIT;\n`, [
    "cannot be READ ONLY",
  ]),
  refusesFile(
    "a level for one statement",
    `-- migrate: no-transaction\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n${level}`,
    ["holds for one statement here"],
  ),
  {
    title: "a down in a transaction of its own kind",
    files: {
      ...threeFiles("CREATE TABLE a1 ();\n"),
      "000003_after.down.sql": `BEGIN ISOLATION LEVEL SERIALIZABLE;\n${base.replaceAll("base", "b2")}CREATE TABLE level AS SELECT current_setting('transaction_isolation') AS level;\nCOMMIT;\n`,
    },
    acts: [
      { act: "up", exit: 0, applied: all },
      {
        act: "down",
        argv: ["down", "-n", "1", "--yes"],
        exit: 0,
        rows: { "SELECT level FROM level": [["serializable"]] },
      },
    ],
  },
];

performAll("the kind of transaction that a file asks for", cases);
