import {
  all,
  after,
  base,
  names,
  refuses,
  refusesFile,
  threeFiles,
  type HostileCase,
} from "./hostile/hostile-case.ts";
import { performAll } from "./hostile/perform.ts";

const upPart = "CREATE TABLE a1 (id integer);\n";
const downPart = "DROP TABLE a1;\n";
const marked = (up: string, down: string): string => `${up}\n${upPart}\n${down}\n${downPart}`;
const own = marked("-- Up Migration", "-- Down Migration");
const ownFile = { "000001_base.up.sql": base, "000003_after.up.sql": after };
const splitIt =
  '000002_case.up.sql:4: "-- +goose Down" begins a part that reverts, and the whole file would run as up. Split it: move that part into 000002_case.down.sql, leave the rest in 000002_case.up.sql, and take the marks out.';

/** Up, down by the file, up again, and down by what the ledger has kept. */
function readsOwnForm(fileName: string, text = own): HostileCase {
  const states = `SELECT direction, up_text LIKE '%CREATE TABLE a1%' AS up, up_text LIKE '%DROP%' AS up_drops, down_text LIKE '%DROP TABLE a1%' AS down, down_text LIKE '%CREATE%' AS down_makes FROM schema_migration_runs WHERE name = '${names.case}' ORDER BY id DESC LIMIT 1`;
  return {
    title: `node-pg-migrate's own form in ${fileName} is read in both directions`,
    files: { ...ownFile, [fileName]: text },
    acts: [
      { act: "checked", argv: ["check", "--offline"], exit: 0, neverSays: ["000002_case has no down file"] },
      {
        act: "up",
        exit: 0,
        applied: all,
        objects: ["a1", "after_t", "base"],
        rows: { [states]: [["up", true, false, true, false]] },
      },
      { act: "at head", exit: 0, says: ["Nothing is pending"], neverSays: ["edited"] },
      {
        act: "down",
        argv: ["down", "--to", "1", "--yes"],
        remove: ["000003_after.up.sql"],
        write: { "000003_after.up.sql": after, "000003_after.down.sql": "DROP TABLE after_t;\n" },
        exit: 0,
        neverSays: ["edited after"],
        applied: [names.base],
        objects: ["base"],
      },
      { act: "up again", exit: 0, applied: all, objects: ["a1", "after_t", "base"] },
      { act: "redo", argv: ["down", "-n", "1", "--yes"], exit: 0, applied: [names.base, names.case] },
      {
        act: "redone",
        argv: ["redo", "--yes"],
        exit: 0,
        neverSays: ["edited after"],
        objects: ["a1", "base"],
      },
      {
        act: "down by an image without the file",
        argv: ["down", "-n", "1", "--yes"],
        remove: [fileName, "000003_after.up.sql", "000003_after.down.sql"],
        exit: 0,
        applied: [names.base],
        objects: ["base"],
      },
    ],
  };
}

const cases: HostileCase[] = [
  refusesFile("goose's file, named x.up.sql", marked("-- +goose Up", "-- +goose Down"), [splitIt]),
  refusesFile("dbmate's", marked("-- migrate:up", "-- migrate:down"), [
    '000002_case.up.sql:4: "-- migrate:down"',
  ]),
  refusesFile("a plain mark, with CRLF", marked("-- up", "-- down").replaceAll("\n", "\r\n"), [
    '000002_case.up.sql:4: "-- down"',
  ]),
  refusesFile(
    "node-pg-migrate's own form beside a down file",
    own,
    ['000002_case.up.sql:4: "-- Down Migration"'],
    {
      others: { "000002_case.down.sql": downPart },
    },
  ),
  {
    title: "a down file that also applies is refused before it reverts",
    files: { "000001_base.up.sql": base, "000002_case.up.sql": upPart, "000002_case.down.sql": own },
    acts: [
      { act: "up", exit: 0, objects: ["a1", "base"] },
      {
        act: "down",
        argv: ["down", "-n", "1", "--yes"],
        exit: 7,
        says: ['000002_case.down.sql:1: "-- Up Migration" begins a part that applies'],
        objects: ["a1", "base"],
      },
      { act: "the files alone", argv: ["check", "--offline"], exit: 7, says: ["000002_case.down.sql:1:"] },
    ],
  },
  refuses(
    "goose's file without a direction in its name",
    { ...ownFile, "000002_case.sql": marked("-- +goose Up", "-- +goose Down") },
    {
      says: [
        '000002_case.sql says neither up nor down, and holds both: line 4, "-- +goose Down", begins the part that reverts. Put what applies into 000002_case.up.sql and what reverts into 000002_case.down.sql, without the marks.',
      ],
      neverSays: ["name it 000002_case.up.sql"],
      repair: { remove: ["000002_case.sql"], write: { "000002_case.up.sql": upPart } },
      applied: all,
    },
  ),
  readsOwnForm("000002_case.sql"),
  readsOwnForm("000002_case.up.sql"),
  readsOwnForm("000002_case.up.sql", own.replaceAll("\n", "\r\n")),
  {
    title: "each section of the own form may have directives of its own",
    files: threeFiles(
      "-- Up Migration\n-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i1 ON base (id);\n-- Down Migration\nDROP INDEX i1;\nCREATE TABLE gone (id integer);\nSELECT 1 / count(*) FROM gone;\n",
    ),
    acts: [
      { act: "up", exit: 0, applied: all, objects: ["after_t", "base", "index i1"] },
      {
        act: "down fails in a transaction, at its own line",
        argv: ["down", "--to", "1", "--yes"],
        write: { "000003_after.down.sql": "DROP TABLE after_t;\n" },
        exit: 6,
        says: ["at 000002_case.up.sql:7"],
        objects: ["base", "index i1"],
      },
    ],
  },
  {
    title: "a file with marks that is applied already stops nothing",
    files: threeFiles(marked("-- +goose Up", "-- +goose Down")),
    acts: [
      { act: "recorded", argv: ["baseline", "2", "--yes"], exit: 0 },
      { act: "up", exit: 0, applied: all, objects: ["after_t"] },
      { act: "at head", exit: 0, says: ["Nothing is pending"] },
      {
        act: "status",
        argv: ["status"],
        exit: 0,
        says: [
          'the whole of its file counts as up, though line 4, "-- +goose Down", begins a part that reverts',
        ],
      },
      { act: "checked", argv: ["check"], exit: 0 },
      { act: "the files alone", argv: ["check", "--offline"], exit: 7, says: [splitIt] },
      { act: "lint", argv: ["lint"], exit: 3, says: ["begins a part that reverts"] },
    ],
  },
  {
    title: "prose that looks like a mark can be allowed",
    files: threeFiles(
      `-- migrate: allow=section-mark a heading\n-- migrate: irreversible a test\nCREATE TABLE a1 ();\n-- Down\nCREATE TABLE a2 ();\n`,
    ),
    acts: [
      { act: "up", exit: 0, applied: all, objects: ["a1", "a2", "after_t", "base"] },
      {
        act: "lint",
        argv: ["lint", "2"],
        exit: 0,
        neverSays: ["[unknown-allow]", "[unused-allow]", "[section-mark]"],
      },
    ],
  },
  {
    title: "an edit of the way down alone is stamped by repair, an edit of the way up is not",
    files: threeFiles(own),
    acts: [
      { act: "up", exit: 0 },
      { act: "edited", write: { "000002_case.up.sql": `${own}SELECT 1;\n` }, exit: 7 },
      { act: "repaired", argv: ["repair", "--yes"], exit: 0 },
      { act: "at head", exit: 0, says: ["Nothing is pending"] },
      { act: "edited", write: { "000002_case.up.sql": own.replace("id integer", "id bigint") }, exit: 7 },
      { act: "repaired", argv: ["repair", "--yes"], exit: 7 },
    ],
  },
];

performAll("files that hold both directions", cases);
