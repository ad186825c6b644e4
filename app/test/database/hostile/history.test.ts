import { after, all, base, names, threeFiles, type HostileCase } from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const text = "CREATE TABLE a1 (id integer);\n";
const tables = ["a1", "after_t", "base"];
const applied = { act: "first", exit: 0, applied: all, objects: tables } as const;
const unchanged = { exit: 7, applied: all, objects: tables } as const;
const disagree = "The migration files and the history of this database disagree; nothing was run:";

const cases: HostileCase[] = [
  {
    title: "an applied file was edited",
    files: threeFiles(text),
    acts: [
      applied,
      {
        act: "edited",
        ...unchanged,
        write: {
          "000002_case.up.sql": text.replace("id", "number"),
          "000004_next.up.sql": "CREATE TABLE next ();\n",
        },
        says: [
          disagree,
          /000002_case changed after it was applied on \d{4}-\d\d-\d\d \(recorded [0-9a-f]{8}…, file [0-9a-f]{8}…\)\. Restore the file, or run `migrate repair 000002_case`/,
        ],
      },
      { act: "restored", exit: 0, write: { "000002_case.up.sql": text }, applied: [...all, "000004_next"] },
    ],
  },
  {
    // The text is what the checksum is of; whether a comment matters is for a person to say.
    title: "only a comment of an applied file was edited",
    files: threeFiles(`-- why\n${text}`),
    acts: [
      applied,
      {
        act: "edited",
        ...unchanged,
        write: { "000002_case.up.sql": `-- because\n${text}` },
        says: ["000002_case changed after it was applied"],
      },
    ],
  },
  {
    title: "a down file was edited, which is how one repairs it",
    files: threeFiles(text, {
      "000002_case.down.sql": "DROP TABLE wrong;\n",
      "000003_after.down.sql": "DROP TABLE after_t;\n",
    }),
    acts: [
      applied,
      {
        act: "edited",
        exit: 0,
        write: { "000002_case.down.sql": "DROP TABLE a1;\n" },
        says: ["Nothing is pending"],
      },
      {
        act: "down",
        argv: ["down", "-n", "2", "--yes"],
        exit: 0,
        says: ["000002_case: the down file was edited after the migration was applied"],
        applied: [names.base],
        objects: ["base"],
      },
    ],
  },
  {
    title: "an applied file was deleted",
    files: threeFiles(text),
    acts: [
      applied,
      {
        act: "deleted",
        ...unchanged,
        remove: ["000002_case.up.sql"],
        says: [
          disagree,
          /000002_case is applied on \d{4}-\d\d-\d\d and missing from the folder\. Restore the file, or run `migrate repair 000002_case`/,
        ],
      },
      { act: "restored", exit: 0, write: { "000002_case.up.sql": text }, says: ["Nothing is pending"] },
    ],
  },
  {
    // Fine unless one of them is marked as breaking: an older image must be able to start again after a roll-back.
    title: "the newest applied files are missing: an older image",
    files: threeFiles(text),
    acts: [
      applied,
      {
        act: "older image",
        exit: 0,
        remove: ["000002_case.up.sql", "000003_after.up.sql"],
        says: ["The database is 2 migrations ahead of this image."],
        applied: all,
        objects: tables,
      },
      {
        act: "older image that refuses",
        exit: 9,
        env: { MIGRATE_SCHEMA_AHEAD: "refuse" },
        says: ["The schema is 2 migrations ahead of this image (up to 000003_after)"],
        applied: all,
      },
    ],
  },
  {
    title: "the newest applied file is marked as breaking and missing: an image that is too old",
    files: threeFiles(text, { "000003_after.up.sql": `-- migrate: breaking\n${after}` }),
    acts: [
      applied,
      {
        act: "older image",
        exit: 9,
        remove: ["000003_after.up.sql"],
        says: [
          "This image is too old for the schema: 000003_after marked as breaking is applied and not part of this image.",
        ],
        applied: all,
      },
      { act: "check", argv: ["check"], exit: 9, says: ["000003_after"] },
    ],
  },
  {
    title: "a file with a lower number arrives late",
    files: { "000001_base.up.sql": base, "000005_five.up.sql": after },
    acts: [
      { act: "first", exit: 0 },
      {
        act: "late",
        exit: 7,
        write: { "000004_late.up.sql": text },
        says: [
          disagree,
          "000004_late is not applied and has a lower number than 000005_five, which is.",
          "`migrate up --allow-out-of-order`",
        ],
        applied: ["000001_base", "000005_five"],
        objects: ["after_t", "base"],
      },
      {
        act: "allowed",
        argv: ["up", "--yes", "--allow-out-of-order"],
        exit: 0,
        applied: ["000001_base", "000004_late", "000005_five"],
        objects: tables,
      },
      { act: "again", exit: 0, says: ["Nothing is pending"] },
    ],
  },
  {
    title: "an applied file was renamed",
    files: threeFiles(text),
    acts: [
      applied,
      {
        act: "renamed",
        ...unchanged,
        remove: ["000002_case.up.sql"],
        write: { "000002_renamed.up.sql": text },
        says: [
          /000002_case was applied under that name on \S+; the file with the same content is now called 000002_renamed\. Give it its old name back, or run `migrate repair 000002_renamed`/,
        ],
      },
    ],
  },
  {
    title: "an applied file got another number",
    files: threeFiles(text),
    acts: [
      applied,
      {
        act: "renumbered",
        ...unchanged,
        remove: ["000002_case.up.sql"],
        write: { "000004_case.up.sql": text },
        says: [
          /000002_case was applied under that name on \S+; the file with the same content is now called 000004_case\./,
        ],
      },
    ],
  },
  {
    title: "an applied file got another width",
    files: threeFiles(text),
    acts: [
      applied,
      {
        act: "wider",
        ...unchanged,
        remove: ["000002_case.up.sql"],
        write: { "0000002_case.up.sql": text },
        says: [
          /000002_case was applied under that name on \S+; the file with the same content is now called 0000002_case\./,
        ],
      },
    ],
  },
  {
    title: "two applied files changed places",
    files: threeFiles(text),
    acts: [
      applied,
      {
        act: "swapped",
        ...unchanged,
        write: { "000002_case.up.sql": after, "000003_after.up.sql": text },
        says: ["000002_case changed after it was applied", "000003_after changed after it was applied"],
      },
      { act: "check", argv: ["check"], ...unchanged, says: ["000002_case changed", "000003_after changed"] },
      { act: "status", argv: ["status"], exit: 0, says: ["2 conflicts"] },
    ],
  },
  {
    title: "a file that sets the time zone, and files that come later: the order stays, also on the way down",
    files: { "000001_base.up.sql": base, "000002_case.up.sql": "SET timezone = 'Pacific/Kiritimati';\n" },
    acts: [
      { act: "first", exit: 0 },
      {
        act: "later",
        exit: 0,
        write: {
          "000003_after.up.sql": after,
          "000004_last.up.sql": text,
          "000003_after.down.sql": "DROP TABLE after_t;\n",
          "000004_last.down.sql": "DROP TABLE a1;\n",
        },
        applied: [...all, "000004_last"],
      },
      {
        act: "down",
        argv: ["down", "-n", "1", "--yes"],
        exit: 0,
        says: ["reverted 000004_last"],
        applied: all,
        objects: ["after_t", "base"],
      },
    ],
  },
  {
    title: "an applied file cannot be read as text any more",
    files: threeFiles(text),
    acts: [
      applied,
      {
        act: "damaged",
        ...unchanged,
        write: { "000002_case.up.sql": new Uint8Array([0xff, 0x41]) },
        says: ["000002_case.up.sql is not valid UTF-8"],
      },
    ],
  },
  {
    title: "status and check of a folder that changed do not write",
    files: threeFiles(text),
    acts: [
      {
        act: "check before",
        argv: ["check"],
        exit: 3,
        says: ["pending: 000001_base"],
        applied: "no table",
        objects: [],
      },
      {
        act: "status before",
        argv: ["status"],
        exit: 0,
        says: ["3 pending"],
        applied: "no table",
        objects: [],
      },
      { act: "up", exit: 0 },
      {
        act: "check after",
        argv: ["check"],
        exit: 0,
        says: ["The schema is at head: 000003_after."],
        applied: all,
      },
    ],
  },
];

performAll("files that are no longer what was applied", cases);
