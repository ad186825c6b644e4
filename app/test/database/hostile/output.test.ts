import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { startProgram } from "../../support/run-program.ts";
import { all, fails, threeFiles, works, type Files, type HostileCase } from "./hostile-case.ts";
import { performAll, withDeadline, withScene, writeFiles } from "./perform.ts";

const row = `INSERT INTO base VALUES (1, '${"x".repeat(1000)}');\n`;

const cases: HostileCase[] = [
  works(
    "20,000 notices: the first are shown and the others counted",
    "DO $$ BEGIN FOR i IN 1..20000 LOOP RAISE NOTICE 'row % of many', i; END LOOP; END $$;\n",
    [],
    {
      says: [
        "000002_case: NOTICE: row 1 of many",
        "000002_case: NOTICE: row 20 of many",
        "… and 19980 more notices",
      ],
      neverSays: ["row 21 of many"],
    },
  ),
  works(
    "a warning among many notices: it is a warning in the log, too",
    "DO $$ BEGIN FOR i IN 1..30 LOOP RAISE NOTICE 'row %', i; END LOOP; RAISE WARNING 'careful'; RAISE INFO 'by the way'; END $$;\n",
    [],
    {
      env: { LOG_FORMAT: "json" },
      says: [/"level":"warn".*"message":"000002_case: WARNING: careful"/, "… and 11 more notices"],
    },
  ),
  works(
    "one notice of a megabyte: its beginning is shown",
    "DO $$ BEGIN RAISE NOTICE '%', repeat('n', 1000000); END $$;\n",
    [],
    { neverSays: ["n".repeat(600)] },
  ),
  fails(
    "an error of a megabyte: its beginning is shown",
    "DO $$ BEGIN RAISE EXCEPTION '%', repeat('e', 1000000) USING DETAIL = repeat('d', 1000000); END $$;\n",
    {
      says: ["P0001: eee", "DETAIL: ddd"],
      neverSays: ["e".repeat(600), "d".repeat(600)],
    },
  ),
  fails(
    "an error with colours and control characters of a terminal, which are shown and not obeyed",
    "DO $$ BEGIN RAISE EXCEPTION E'\\x1b[2Jgone\\x07'; END $$;\n",
    {
      says: ["P0001: \\x1b[2Jgone\\x07"],
      neverSays: ["\u001B[2J", "\u0007"],
    },
  ),
  fails(
    "a password in the line that fails",
    "CREATE ROLE somebody LOGIN PASSWORD 's3cret-word' NOSUCHOPTION;\n",
    {
      says: [
        '42601: unrecognized role option "nosuchoption"',
        "CREATE ROLE somebody LOGIN PASSWORD '***********' NOSUCHOPTION;",
      ],
      neverSays: ["s3cret-word"],
    },
  ),
];

performAll("what a file makes the server say", cases);

/** The program's exit code, what it wrote, and the most memory that it had, in MB. */
async function measure(
  files: Files,
  milliseconds = 60_000,
): Promise<{ code: number | undefined; output: string; peak: number }> {
  let result: { code: number | undefined; output: string; peak: number } | undefined;
  await withScene(async ({ database, folder }) => {
    writeFiles(folder, files);
    const program = startProgram("migrate", {
      args: ["up", "--yes"],
      env: { DATABASE_URL: database.url, MIGRATIONS_DIR: folder, LOG_FORMAT: "pretty" },
    });
    let peak = 0;
    const timer = setInterval(() => {
      peak = Math.max(peak, highWaterMark(program.pid));
    }, 10);
    const { code, stdout, stderr } = await withDeadline("migrate up", milliseconds, program.ended).finally(
      () => clearInterval(timer),
    );
    result = { code, output: stdout + stderr, peak };
  });
  return result!;
}

function highWaterMark(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

// Peaks are read from Linux' /proc; elsewhere they are 0 and only the exit codes are compared.
describe("the memory of migrate up", () => {
  it("stays small while a file returns 300 MB of rows", async () => {
    const { code, peak, output } = await measure(
      threeFiles("SELECT i, repeat('x', 1000) FROM generate_series(1, 300000) i;\n"),
    );
    expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
    expect(peak).toBeLessThan(200);
  });

  it("stays small with 100,000 notices and with 5 MB of INSERTs", async () => {
    const notices =
      "DO $$ BEGIN FOR i IN 1..100000 LOOP RAISE NOTICE 'row % of many %', i, repeat('x', 500); END LOOP; END $$;\n";
    const { code, peak } = await measure(threeFiles(notices, { "000003_after.up.sql": row.repeat(5000) }));
    expect(code).toBe(0);
    expect(peak).toBeLessThan(200);
  });

  it("stays small when the last of 5 MB of INSERTs fails without a position", async () => {
    const { code, peak, output } = await measure(threeFiles(`${row.repeat(5000)}SELECT 1 / 0;\n`));
    expect(code).toBe(6);
    expect(output).toContain("in statement 5001 of 000002_case.up.sql");
    expect(peak).toBeLessThan(200);
  });

  it("does not grow with a 100 MB file, which is refused by its size", async () => {
    const { code, peak, output } = await measure(threeFiles(new Uint8Array(100 * 1024 * 1024)));
    expect(code).toBe(7);
    expect(output).toContain("000002_case.up.sql has 100 MiB; a migration may have 16 MiB.");
    expect(peak).toBeLessThan(150);
  });

  it("survives one value of 64 MB", async () => {
    const { code, output } = await measure(threeFiles("SELECT repeat('x', 64000000);\n"));
    expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
    expect(output).toContain(`the schema is at ${all.at(-1)}`);
  });
});
