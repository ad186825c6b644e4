import { base, harmless, names, after, type Act, type Files, type HostileCase } from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const withCode = (code: string): Files => ({
  "000001_base.up.sql": base,
  "000002_case.mjs": code,
  "000003_after.up.sql": after,
});

/** In a process of its own, which is what such a migration would harm. The answer is one JSON document, whatever it does. */
const first: Omit<Act, "act" | "exit"> = {
  argv: ["up", "--yes", "--json"],
  neverSays: ["    at ", "node:internal", "dist/programs"],
};

/** It fails by name, and nothing of it remains. */
const misbehaves = (title: string, code: string, says: readonly string[]): HostileCase => ({
  title,
  as: "process",
  files: withCode(code),
  acts: [
    {
      ...first,
      act: "first",
      exit: 6,
      says: ["000002_case failed: ", ...says, "It was rolled back; nothing of it remains."],
      applied: [names.base],
      runs: [`${names.base} up applied`, `${names.case} up failed`],
      objects: ["base"],
    },
    {
      act: "repaired",
      exit: 0,
      remove: ["000002_case.mjs"],
      write: { "000002_case.up.sql": harmless },
      applied: [names.base, names.case, names.after],
    },
  ],
});

/** It is applied, and the run goes on as if it had not done that. */
const behaves = (title: string, code: string, says: readonly (string | RegExp)[] = []): HostileCase => ({
  title,
  as: "process",
  files: withCode(code),
  acts: [
    {
      ...first,
      act: "first",
      exit: 0,
      says,
      applied: [names.base, names.case, names.after],
      objects: ["a1", "after_t", "base"],
    },
  ],
});

const made = "pgm.sql('CREATE TABLE a1 ()');";
const sleep = "const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));\n";

const cases: HostileCase[] = [
  misbehaves("ends the process", `export const up = (pgm) => { ${made} process.exit(0); };\n`, [
    "it called process.exit(0), which would end this program",
  ]),
  misbehaves(
    "ends the process and catches what that throws",
    `export const up = async (pgm) => { try { process.exit(0); } catch {} ${made} };\n`,
    ["it called process.exit(0)"],
  ),
  misbehaves("ends the process when it is loaded", "process.exit(0);\nexport const up = () => {};\n", [
    "it called process.exit(0)",
  ]),
  misbehaves(
    "ends the process from a timer",
    `export const up = async (pgm) => { ${made} setTimeout(() => process.exit(0), 20); await new Promise(() => {}); };\n`,
    ["it called process.exit(0)"],
  ),
  misbehaves("aborts the process", "export const up = () => { process.abort(); };\n", [
    "it called process.abort()",
  ]),
  misbehaves("kills the process", "export const up = () => { process.kill(process.pid, 'SIGKILL'); };\n", [
    "it called process.kill with its own process and SIGKILL",
  ]),
  misbehaves(
    "terminates the process",
    "export const up = () => { process.kill(process.pid, 'SIGTERM'); };\n",
    ["it called process.kill with its own process and SIGTERM"],
  ),
  misbehaves(
    "forgets to await what uses pgm later",
    `${sleep}const work = async (pgm) => { await sleep(50); ${made} };\nexport const up = async (pgm) => { work(pgm); };\n`,
    ["it used pgm after its function had returned: something in it is not awaited"],
  ),
  misbehaves(
    "forgets to await what asks the database later",
    `${sleep}const work = async (pgm) => { await sleep(50); await pgm.db.query('CREATE TABLE a1 ()'); };\nexport const up = (pgm) => { work(pgm); };\n`,
    ["it used pgm.db after its function had returned: something in it is not awaited"],
  ),
  misbehaves(
    "forgets to await a query",
    "export const up = (pgm) => { pgm.db.query('CREATE TABLE a1 ()'); };\n",
    ["its function returned while a query of pgm.db was still running. Await it"],
  ),
  misbehaves(
    "forgets to await a query that fails",
    "export const up = async (pgm) => { pgm.db.query('SELECT nothing'); };\n",
    ['something that it did not wait for failed: column "nothing" does not exist. Await it'],
  ),
  misbehaves(
    "forgets to await what fails",
    `${sleep}export const up = async (pgm) => { (async () => { await sleep(20); throw new Error('too late'); })(); ${made} };\n`,
    ["something that it did not wait for failed: too late. Await it"],
  ),
  misbehaves(
    "leaves a timer that throws",
    `export const up = (pgm) => { ${made} setTimeout(() => { throw new Error('tick'); }, 20); };\n`,
    ["something that it did not wait for failed: tick. Await it"],
  ),
  misbehaves(
    "leaves a timer that goes on",
    `export const up = (pgm) => { ${made} setInterval(() => {}, 50); };\n`,
    ["its function returned and left a timer running"],
  ),
  misbehaves(
    "fails, and ends the process later",
    `export const up = async (pgm) => { setTimeout(() => process.exit(0), 1); throw new Error('not today'); };\n`,
    ["not today"],
  ),
  misbehaves(
    "never settles its promise",
    `export const up = (pgm) => { ${made} return new Promise(() => {}); };\n`,
    ["its function never comes to its end"],
  ),
  misbehaves("never calls its callback", `export const up = (pgm, done) => { ${made} };\n`, [
    "its function never comes to its end",
  ]),
  misbehaves("never finishes loading", "await new Promise(() => {});\nexport const up = () => {};\n", [
    "its function never comes to its end",
  ]),
  misbehaves(
    "calls its callback with an error",
    `export const up = (pgm, done) => { ${made} done(new Error('not today')); };\n`,
    ["not today"],
  ),
  misbehaves(
    "returns what is like a promise and fails",
    `export const up = (pgm) => { ${made} return { then(resolve, reject) { setTimeout(() => reject(new Error('not today')), 10); } }; };\n`,
    ["not today"],
  ),
  behaves(
    "writes to stdout, which is the answer's: its lines are in the log",
    [
      "import { writeSync } from 'node:fs';",
      "console.log('while it is loaded');",
      `export const up = async (pgm) => { console.log('one', 1); process.stdout.write('two\\nthr'); process.stdout.write('ee'); writeSync(1, ' and four\\n'); ${made} };\n`,
    ].join("\n"),
    [
      "000002_case: OUTPUT: while it is loaded",
      "000002_case: OUTPUT: one 1",
      "000002_case: OUTPUT: two",
      "000002_case: OUTPUT: three and four",
      /^\{"outcome":"applied".*\}\n/,
    ],
  ),
  behaves(
    "changes folder, environment and exit code, and listens to the process",
    [
      "export const up = (pgm) => {",
      "  process.chdir('/'); process.env.MIGRATIONS_DIR = '/nowhere'; process.env.PGHOST = 'nowhere'; process.exitCode = 9;",
      "  process.on('exit', () => { process.exitCode = 8; }); process.removeAllListeners('SIGTERM');",
      `  ${made}\n};\n`,
    ].join("\n"),
  ),
  behaves(
    "waits for what takes a while, and leaves nothing behind",
    `${sleep}export const up = async (pgm) => { await sleep(1500); await pgm.db.query('SELECT pg_sleep(1.5)'); await Promise.all([sleep(1), sleep(2)]); setTimeout(() => {}, 5); setTimeout(() => {}, 60000).unref(); ${made} };\n`,
  ),
];

performAll("a migration in code that does something to the process", cases);
