import { base, harmless, names, after, type Act, type Files, type HostileCase } from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const withCode = (code: string, more: Files = {}): Files => ({
  "000001_base.up.sql": base,
  "000002_case.mjs": code,
  "000003_after.up.sql": after,
  ...more,
});
const failed: Omit<Act, "act"> = {
  exit: 6,
  applied: [names.base],
  runs: [`${names.base} up applied`, `${names.case} up failed`],
  objects: ["base"],
};

/** A code migration that fails: in a transaction, like any other. */
const codeFails = (title: string, code: string, says: readonly string[]): HostileCase => ({
  title,
  files: withCode(code),
  acts: [
    {
      act: "first",
      ...failed,
      says: ["000002_case failed: ", ...says, "It was rolled back; nothing of it remains."],
      neverSays: ["    at "],
    },
    // Node keeps a module once it is loaded, so that the repaired migration is another file.
    {
      act: "repaired",
      exit: 0,
      remove: ["000002_case.mjs"],
      write: { "000002_case.up.sql": harmless },
      applied: [names.base, names.case, names.after],
      objects: ["after_t", "base", "repaired"],
    },
  ],
});

const cases: HostileCase[] = [
  codeFails("throws a text", "export const up = () => { throw 'out of luck'; };\n", [
    "out of luck was thrown",
  ]),
  codeFails("throws nothing", "export const up = async () => { throw undefined; };\n", [
    "undefined was thrown",
  ]),
  codeFails(
    "rejects although it has a callback",
    "export const up = async (pgm, done) => { throw new Error('out of luck'); };\n",
    ["out of luck"],
  ),
  codeFails("does not parse", "export const up = (pgm => {;\n", ["000002_case.mjs cannot be loaded: "]),
  codeFails("imports what is not there", "import 'no-such-package';\nexport const up = () => {};\n", [
    "000002_case.mjs cannot be loaded: ",
  ]),
  codeFails("exports nothing", "export const down = () => {};\n", [
    '000002_case.mjs exports no function "up"',
  ]),
  codeFails(
    "builds SQL that fails: the statement is shown",
    "export const up = (pgm) => { pgm.createTable('a1', { id: 'intger' }); };\n",
    [
      '42704: type "intger" does not exist',
      "in the SQL that 000002_case.mjs made\n",
      '  2 |   "id" intger\n',
    ],
  ),
  codeFails(
    "swallows an error of the server",
    "export const up = async (pgm) => { try { await pgm.db.query('SELECT nothing'); } catch {} pgm.createTable('a1', { id: 'integer' }); };\n",
    ["25P02: current transaction is aborted"],
  ),
  codeFails(
    "asks for no transaction in the library's way",
    "export const up = (pgm) => { pgm.noTransaction(); };\n",
    ["say so with `// migrate: no-transaction` in the first comment of the file instead"],
  ),
  codeFails(
    "fails in a query of its own: its place is not taken for one in the file",
    "export const up = async (pgm) => {\n  await pgm.db.query('SELECT nothing');\n};\n",
    ['000002_case failed: 42703: column "nothing" does not exist\n  It was rolled back'],
  ),
  {
    title: "commits: what stays is said",
    files: withCode(
      "export const up = (pgm) => { pgm.createTable('a1', { id: 'integer' }); pgm.sql('COMMIT'); };\n",
    ),
    acts: [
      {
        act: "first",
        ...failed,
        objects: ["a1", "base"],
        says: ["the migration ended its own transaction", "What it committed stays, and is not recorded"],
        neverSays: ["nothing of it remains"],
      },
    ],
  },
  {
    title: "has a callback that it calls, or returns a promise and ignores it",
    files: {
      "000001_base.mjs": "export const up = (pgm, done) => setTimeout(done, 10);\n",
      "000002_case.mjs": "export const up = async (pgm, done) => { pgm.sql('CREATE TABLE a1 ()'); };\n",
    },
    acts: [{ act: "first", exit: 0, applied: [names.base, names.case], objects: ["a1"] }],
  },
  {
    title: "writes with the library's logger: stdout stays the answer's",
    files: withCode("export const up = (pgm) => { pgm.sql('SELECT 1'); };\n"),
    acts: [
      {
        act: "first",
        argv: ["up", "--yes", "--json"],
        exit: 0,
        env: { LOG_LEVEL: "silent" },
        says: [/^\{"outcome":"applied".*\}\n$/],
      },
    ],
  },
];

performAll("a migration in code", cases);
