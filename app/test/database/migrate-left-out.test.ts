import { all, threeFiles, type HostileCase } from "./hostile/hostile-case.ts";
import { performAll } from "./hostile/perform.ts";

const three = threeFiles("CREATE TABLE a1 (id integer);\n");
const said = "2_b.up.pgsql looks like a migration and is not run: only .sql, .ts, .js, .mts and .mjs are";
const untouched = { exit: 7, says: [said], applied: "no table", objects: [] } as const;

const cases: HostileCase[] = [
  {
    title: "stops what would be the first run, by name, and the checks that come before",
    files: { ...three, "2_b.up.pgsql": "SELECT 1;", "archive/1_a.up.sql": "SELECT 1;" },
    acts: [
      { act: "up", ...untouched, says: ["cannot be used; nothing was run:", said, "archive/1_a.up.sql"] },
      { act: "the files alone", argv: ["check", "--offline"], ...untouched },
      { act: "lint", argv: ["lint"], ...untouched },
      { act: "check", argv: ["check"], ...untouched },
      { act: "script", argv: ["sql"], ...untouched },
      {
        act: "ignored",
        env: { MIGRATIONS_IGNORE: "*.pgsql,archive" },
        exit: 0,
        neverSays: ["2_b", "archive"],
        applied: all,
      },
    ],
  },
  {
    title: "is a warning at head, and stops what is pending",
    files: three,
    acts: [
      { act: "up", exit: 0, applied: all },
      {
        act: "at head",
        write: { "2_b.up.pgsql": "SELECT 1;" },
        exit: 0,
        says: ["Nothing is pending", said],
        applied: all,
      },
      { act: "check", argv: ["check"], exit: 0, says: ["The schema is at head", said] },
      { act: "status", argv: ["status"], exit: 0, says: [said] },
      { act: "as JSON", argv: ["status", "--json"], exit: 0, says: ['"leftOut"', said] },
      { act: "down", argv: ["check", "--json"], exit: 0, says: ['"leftOut"', said] },
      { act: "the files alone", argv: ["check", "--offline"], exit: 7, says: [said] },
      {
        act: "pending",
        write: { "000004_more.up.sql": "CREATE TABLE more (id integer);\n" },
        exit: 7,
        says: [said],
        applied: all,
      },
      { act: "checked", argv: ["check"], exit: 7, says: [said] },
      { act: "ignored", env: { MIGRATIONS_IGNORE: "2_b.*" }, exit: 0, neverSays: ["2_b"] },
    ],
  },
];

performAll("what looks like a migration and is not run", cases);
