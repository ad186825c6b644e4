import { base, refuses, type Files, type HostileCase } from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const first = { "000001_base.up.sql": base };
const table = (name: string): string => `CREATE TABLE ${name} (id integer);\n`;
const refusedFile = (title: string, name: string, content: string, says: string): HostileCase =>
  refuses(
    title,
    { ...first, [name]: content },
    { says: [says], repair: { remove: [name.split("/")[0]!] }, applied: ["000001_base"] },
  );
const longName = `000002_${"x".repeat(230)}.up.sql`;
/** As a person meets them, one message names them all. */
const oddNames: readonly (readonly [name: string, says: string])[] = [
  [
    "000010_drop';DROP TABLE base;--.up.sql",
    "- 000010_drop';DROP TABLE base;--.up.sql has characters other than A-Z a-z 0-9 _ . - in its name; rename it.",
  ],
  ['000011_"quoted".up.sql', '- 000011_"quoted".up.sql has characters other than'],
  ["000012_with space.up.sql", "- 000012_with space.up.sql has characters other than"],
  ["000013_größe.up.sql", "- 000013_größe.up.sql has characters other than"],
  ["000014_\u202Egnp.up.sql", "- 000014_\\u{202e}gnp.up.sql has characters other than"],
  ["000015_line\nbreak.up.sql", "- 000015_line\\u{a}break.up.sql has characters other than"],
  ["000016_trailing.up.sql ", "- 000016_trailing.up.sql  has characters other than"],
  ["000017_case.UP.sql", "- 000017_case.UP.sql has an upper-case ending"],
  ["000018_case.up.SQL", "- 000018_case.up.SQL has an upper-case ending"],
  ["000019-case.up.sql", "- 000019-case.up.sql is not named NNNNNN_name.up.sql"],
  ["000020.up.sql", "- 000020.up.sql is not named NNNNNN_name.up.sql"],
  ["000021_neither.sql", "- 000021_neither.sql says neither up nor down; name it 000021_neither.up.sql"],
  [
    "000022_both.up.ts",
    "- 000022_both.up.ts: a TypeScript or JavaScript migration holds up and down in one file named 000022_both.ts.",
  ],
  ["000023_common.cjs", "- 000023_common.cjs is not named"],
  ["-1_negative.up.sql", "- -1_negative.up.sql has no version number in front"],
  [
    "seed.sql",
    "- seed.sql has no version number in front; name it NNNNNN_name.up.sql, or move it out of this folder.",
  ],
  ["V2__flyway.sql", "- V2__flyway.sql has Flyway's form; rename it to NNNNNN_name.up.sql."],
  ["000024_only.down.sql", "- 000024_only.down.sql has no up file beside it."],
  [
    "12345678901234567890_long.up.sql",
    "- 12345678901234567890_long.up.sql: a version has at most 19 digits.",
  ],
  [longName, `: a name has at most 200 characters, this one 237.`],
];

const cases: HostileCase[] = [
  refuses(
    "every file with an odd name, all in one message",
    { ...first, ...Object.fromEntries(oddNames.map(([name]) => [name, table("a1")])) },
    {
      says: oddNames.map(([, says]) => says),
      // A long name is cut in the middle where it is shown.
      neverSays: ["x".repeat(100)],
      repair: { remove: oddNames.map(([name]) => name) },
      applied: ["000001_base"],
    },
  ),
  refuses(
    "two names for one version",
    { ...first, "000002_a.up.sql": table("a"), "000002_b.up.sql": table("b") },
    {
      says: [
        "Version 000002 is used twice: 000002_a.up.sql, 000002_b.up.sql. Give one of them the next free number.",
      ],
      repair: { remove: ["000002_b.up.sql"] },
      applied: ["000001_base", "000002_a"],
    },
  ),
  refuses(
    "one version in two widths",
    { ...first, "2_a.up.sql": table("a"), "000002_b.up.sql": table("b") },
    {
      says: [
        /Version 0*2 is used twice: 000002_b\.up\.sql, 2_a\.up\.sql|Version 0*2 is used twice: 2_a\.up\.sql, 000002_b\.up\.sql/,
      ],
      repair: { remove: ["000002_b.up.sql"] },
      applied: ["000001_base", "2_a"],
    },
  ),
  refuses(
    "an up and a down with different names",
    { ...first, "000002_add.up.sql": table("a"), "000002_remove.down.sql": "DROP TABLE a;\n" },
    {
      says: [
        "000002_add.up.sql and 000002_remove.down.sql have the same version and different names; rename one.",
      ],
      repair: { remove: ["000002_remove.down.sql"] },
      applied: ["000001_base", "000002_add"],
    },
  ),
  refuses(
    "x.sql beside x.up.sql",
    { ...first, "000002_a.sql": table("a"), "000002_a.up.sql": table("a") },
    {
      says: ["000002_a.sql says neither up nor down", "Version 000002 is used twice"],
      repair: { remove: ["000002_a.sql"] },
      applied: ["000001_base", "000002_a"],
    },
  ),
  refuses(
    "a down in a file of its own beside code that has one",
    { ...first, "000002_a.mjs": "export const up = () => {};\n", "000002_a.down.sql": "" },
    {
      says: ["000002_a.down.sql and 000002_a.mjs are both the down of version 000002; remove one."],
      repair: { remove: ["000002_a.down.sql"] },
      applied: ["000001_base", "000002_a"],
    },
  ),
  refusedFile(
    "diesel's layout",
    "2024-01-31-101500_create_a/up.sql",
    table("a"),
    "2024-01-31-101500_create_a/ holds up.sql or migration.sql: this looks like diesel's or prisma's layout; copy it to 20240131101500_create_a.up.sql.",
  ),
  refusedFile(
    "prisma's layout",
    "20240131101500_init/migration.sql",
    table("a"),
    "20240131101500_init/ holds up.sql or migration.sql",
  ),
  refusedFile(
    "a folder with a migration's name",
    "000002_a.up.sql/inside.txt",
    "",
    "000002_a.up.sql is a folder with a migration's name; rename or remove it.",
  ),
  inOrder("gaps", ["000001", "000003", "000007"]),
  inOrder("numbers in order, not texts", ["2", "10", "000100"]),
  // 9007199254740992 and 9007199254740993 are one and the same to JavaScript's Number.
  inOrder("versions beyond 2^53, up to 19 digits", [
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "1000000000000000000",
    "9999999999999999999",
  ]),
  // node-pg-migrate takes 17 digits for a date; these are none.
  inOrder("17 digits that are no date", ["20249999999999998", "20269999999999999", "20270000000000000"]),
  inOrder("zero", ["000000", "000001"]),
];

function inOrder(title: string, versions: readonly string[]): HostileCase {
  const names = versions.map((version, index) => `${version}_t${index}`);
  const files: Files = Object.fromEntries(names.map((name, index) => [`${name}.up.sql`, table(`t${index}`)]));
  return {
    title,
    files,
    acts: [
      { act: "first", exit: 0, applied: names, runs: names.map((name) => `${name} up applied`) },
      { act: "again", exit: 0, says: [`Nothing is pending; the schema is at ${names.at(-1)}.`] },
    ],
  };
}

performAll("the names in a folder of migrations", cases);
