import {
  all,
  after,
  base,
  fails,
  names,
  refusesFile,
  threeFiles,
  works,
  type HostileCase,
} from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));
const crlf = (text: string): string => text.replaceAll("\n", "\r\n");
const mark = "\uFEFF";
const table = "-- one table\nCREATE TABLE a1 (id integer);\n";

/** The first run alone, where the next ones are what they are for smaller files and only take time. */
const firstOnly = (hostile: HostileCase): HostileCase => ({ ...hostile, acts: hostile.acts.slice(0, 1) });

/** A file of about 5 MB, larger than what is parsed here: `rows` lines of INSERT. */
function inserts(rows: number, lastLine = ""): string {
  const lines = Array.from(
    { length: rows },
    (_, row) => `INSERT INTO base VALUES (${row}, '${"x".repeat(980)}');\n`,
  );
  return lines.join("") + lastLine;
}

const countBase = { "SELECT count(*)::int FROM base": [[5_002]] };

const cases: HostileCase[] = [
  works("a byte-order mark", bytes(mark, table), ["a1"]),
  works(
    "a byte-order mark before a directive",
    `${mark}-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i1 ON base (id);\n`,
    ["index i1"],
  ),
  fails(
    "a byte-order mark in the middle, as gluing two files together leaves it",
    `${table}${mark}CREATE TABLE a2 ();\n`,
    {
      says: ["42601: ", "at 000002_case.up.sql:3:1", "line 3 contains U+FEFF (invisible character)"],
    },
  ),
  works(
    "CRLF line ends, with a directive",
    crlf(`-- migrate: no-transaction\n${table}CREATE INDEX CONCURRENTLY i1 ON base (id);\n`),
    ["a1", "index i1"],
  ),
  works("lone CR line ends, where a comment ends at the CR too", table.replaceAll("\n", "\r"), ["a1"]),
  fails("lone CR line ends count as lines in an error", "SELECT 1;\rSELECT 2;\rSELECT nothing;\r", {
    says: ["at 000002_case.up.sql:3:8"],
  }),
  works(
    "line ends in literals, which are sent as they are in the file",
    "CREATE TABLE lines AS SELECT 'a\r\nb' AS crlf, 'a\rb' AS cr, 'a\nb' AS lf, $$a\r\nb$$ AS body;\r\n",
    ["lines"],
    { rows: { "SELECT crlf, cr, lf, body FROM lines": [["a\r\nb", "a\rb", "a\nb", "a\r\nb"]] } },
  ),
  works(
    "line ends in literals of statements that run one by one, behind CRLF directives and comments",
    "-- migrate: no-transaction\r\n-- why\r\nCREATE TABLE lines (v text);\r\nINSERT INTO lines VALUES ('a\r\nb');\r\n",
    ["lines"],
    { rows: { "SELECT v FROM lines": [["a\r\nb"]] } },
  ),
  works("the bytes that ran, which the ledger keeps", crlf(table), ["a1"], {
    rows: {
      "SELECT up_text FROM schema_migration_runs WHERE name = '000002_case'": [[crlf(table)]],
      "SELECT checksum = encode(sha256(convert_to(replace(up_text, E'\\r\\n', E'\\n'), 'UTF8')), 'hex') FROM schema_migration_runs WHERE name = '000002_case'":
        [[true]],
    },
  }),
  {
    title: "a down text with CRLF that the ledger has kept is run as it is",
    files: {
      "000001_base.up.sql": base,
      "000002_case.up.sql": table,
      "000002_case.down.sql": "DROP TABLE a1;\r\nCREATE TABLE left_over AS SELECT 'a\r\nb' AS v;\r\n",
    },
    acts: [
      { act: "up", exit: 0, objects: ["a1", "base"] },
      {
        act: "down without its file",
        argv: ["down", "-n", "1", "--yes"],
        remove: ["000002_case.up.sql", "000002_case.down.sql"],
        exit: 0,
        neverSays: ["tampered", "edited"],
        rows: { "SELECT v FROM left_over": [["a\r\nb"]] },
      },
    ],
  },
  {
    title: "a comment changed in a file whose literals have other line ends is stamped by repair",
    files: threeFiles("-- a\nCREATE TABLE a1 AS SELECT 'a\nb' AS v;\n"),
    acts: [
      { act: "first", exit: 0 },
      {
        act: "edited",
        write: { "000002_case.up.sql": crlf("-- b\nCREATE TABLE a1 AS SELECT 'a\nb' AS v;\n") },
        exit: 7,
      },
      { act: "repaired", argv: ["repair", "--yes"], exit: 0 },
      { act: "at head", exit: 0, says: ["Nothing is pending"] },
    ],
  },
  fails("CRLF line ends count as one line each in an error", "SELECT 1;\r\n-- why\r\nSELECT nothing;\r\n", {
    says: ["at 000002_case.up.sql:3:8"],
  }),
  {
    title: "line ends that change after the files were applied are no change",
    files: threeFiles(table),
    acts: [
      { act: "first", exit: 0, applied: all },
      {
        act: "again with CRLF and a byte-order mark",
        exit: 0,
        write: {
          "000001_base.up.sql": crlf(base),
          "000002_case.up.sql": mark + crlf(table),
          "000003_after.up.sql": crlf(after),
        },
        says: ["Nothing is pending"],
        neverSays: ["changed"],
        applied: all,
      },
    ],
  },
  fails(
    "no-break spaces and typographic quotes",
    "CREATE\u00A0TABLE a1 (id integer);\nINSERT INTO base VALUES (3, \u2018three\u2019);\n",
    {
      says: [
        "42601: ",
        "at 000002_case.up.sql:1:1",
        "Look-alike characters: line 1 contains U+00A0 (no-break space)",
      ],
    },
  ),
  fails(
    "typographic quotes, which PostgreSQL takes for a name",
    "INSERT INTO base VALUES (3, \u2018three\u2019);\n",
    {
      says: ["42703: ", "at 000002_case.up.sql:1:29", "line 1 contains U+2018 (typographic quote)"],
    },
  ),
  works(
    "characters beyond the basic plane before the place of nothing at all",
    "INSERT INTO base VALUES (3, '👩‍👩‍👧 𝒳 café');\n",
    [],
    {
      rows: { "SELECT v FROM base WHERE id = 3": [["👩‍👩‍👧 𝒳 café"]] },
    },
  ),
  fails(
    "characters beyond the basic plane before an error: the caret stands right",
    "SELECT '𝒳𝒳𝒳', nothing;\n",
    {
      says: ["at 000002_case.up.sql:1:15\n"],
    },
  ),
  refusesFile(
    "a NUL byte: the protocol would end the text there",
    bytes("CREATE TABLE a1 (id int);", [0], "\nDROP TABLE base;\n"),
    ["000002_case.up.sql has a NUL byte at offset 25; PostgreSQL would ignore everything behind it."],
  ),
  refusesFile("UTF-16 with a byte-order mark", Buffer.from(mark + table, "utf16le"), [
    "000002_case.up.sql is UTF-16; save it as UTF-8.",
  ]),
  refusesFile("UTF-16 without one", Buffer.from(table, "utf16le"), [
    "000002_case.up.sql has a NUL byte at offset 1",
    "Is it UTF-16",
  ]),
  refusesFile("Latin-1 letters", bytes("INSERT INTO base VALUES (3, 'caf", [0xe9], "');\n"), [
    "000002_case.up.sql is not valid UTF-8 (first wrong byte at offset 32); save it as UTF-8.",
  ]),
  refusesFile("a UTF-8 character cut in two at the end", bytes("SELECT 1; -- ", [0xe2, 0x82]), [
    "000002_case.up.sql is not valid UTF-8 (first wrong byte at offset 13)",
  ]),
  refusesFile("half a surrogate pair", bytes("SELECT 1; -- ", [0xed, 0xa0, 0x80]), [
    "is not valid UTF-8 (first wrong byte at offset 13)",
  ]),
  works("5 MB of INSERTs", inserts(5_000), [], { rows: countBase }),
  works(
    "5 MB in one statement",
    `INSERT INTO base VALUES\n${Array.from({ length: 5_000 }, (_, row) => `(${row}, '${"x".repeat(980)}')`).join(",\n")};\n`,
    [],
    { rows: countBase },
  ),
  ...[
    fails(
      "5 MB with an error in the last line: that line is shown, not 5 MB",
      inserts(5_000, "INSERT INTO nowhere VALUES (1);\n"),
      {
        says: ["42P01: ", "at 000002_case.up.sql:5001:13\n", "  5001 | INSERT INTO nowhere VALUES (1);\n"],
        neverSays: ["xxxxxxxxxx"],
      },
    ),
    fails(
      // Parsing 5 MB to find the line took a minute once, and takes hundreds of megabytes still.
      "5 MB with a failure that has no position: the number of the statement is told",
      inserts(5_000, "INSERT INTO base VALUES (1 / 0);\n"),
      {
        says: ["22012: division by zero", "in statement 5001 of 000002_case.up.sql"],
        neverSays: ["xxxxxxxxxx"],
      },
    ),
    fails(
      "an error in one line of 5 MB: a window of it is shown",
      `SELECT '${"x".repeat(5_000_000)}', nothing;\n`,
      {
        says: ["42703: ", "at 000002_case.up.sql:1:5000012\n"],
        neverSays: ["x".repeat(200)],
      },
    ),
  ].map(firstOnly),
  refusesFile("20 MB", "-- a dump\n".repeat(2_000_001), [
    "000002_case.up.sql has 19 MiB; a migration may have 16 MiB.",
  ]),
  {
    title: "a megabyte of short statements outside a transaction is taken apart in seconds",
    files: threeFiles(`-- migrate: no-transaction\nSELECT nothing;\n${"SELECT 1;\n".repeat(50_000)}`),
    acts: [{ act: "first", exit: 6, says: ["42703: ", "at 000002_case.up.sql:2:8"], applied: [names.base] }],
  },
];

performAll("a file with odd bytes or an odd size", cases);
