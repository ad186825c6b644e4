import { open } from "node:fs/promises";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { loadConfig, settingFlags } from "../../app/config/load.ts";
import { createPool } from "../../app/database/pool.ts";
import { AppError, messageOf } from "../../app/errors.ts";
import { importServers, type ImportProblem, type ImportSummary } from "../../app/registry/import-servers.ts";
import { readLines } from "../../app/registry/read-lines.ts";
import { asDatabaseTrouble, isSchemaMissing, type Database } from "../../app/registry/statement.ts";
import { createProgress, formatCount, type Progress } from "./progress.ts";
import type { Program } from "./run.ts";

/** `registry import FILE`; returns the exit code. */
export async function runImport(program: Program): Promise<number> {
  const { file, json, strict, flags } = readArguments(program.argv);
  const config = loadConfig({ flags, env: program.env });
  const source = await openSource(file, program.stdin);
  const progress = createProgress(program.stderr);
  const problems: ImportProblem[] = [];
  const started = performance.now();
  let summary: ImportSummary;
  const pool = createPool({ ...config, poolSize: 1, statementTimeout: 0 }, () => undefined);
  try {
    summary = await withConnection(pool, (database) =>
      importServers({
        database,
        lines: readLines(source.chunks),
        onProgress: (count) => progress.update(count),
        onProblem: (problem) => report(problem, problems, progress),
        onWait: () => progress.say("waiting for another import to finish"),
      }),
    );
  } catch (error) {
    if (!isSchemaMissing(error)) throw error;
    const message = "The registry's tables are missing or older than this program. Run `migrate up` first.";
    throw new AppError("history-conflict", message, { details: { exitCode: 3 } });
  } finally {
    progress.end();
    await source.close();
    await pool.end();
  }

  const elapsedMs = Math.round(performance.now() - started);
  program.stdout.write(
    json
      ? `${JSON.stringify({ file, ...summary, elapsedMs, problems })}\n`
      : describe(file, summary, elapsedMs),
  );
  const nothingUsable = summary.skipped > 0 && summary.skipped === summary.lines;
  return nothingUsable || (strict && summary.skipped > 0) ? 3 : 0;
}

interface Arguments {
  readonly file: string;
  readonly json: boolean;
  readonly strict: boolean;
  readonly flags: Record<string, string>;
}

function readArguments(argv: readonly string[]): Arguments {
  const options: NonNullable<ParseArgsConfig["options"]> = {
    json: { type: "boolean" },
    strict: { type: "boolean" },
  };
  for (const flag of settingFlags) options[flag.slice(2)] = { type: "string" };
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0)
      throw new Error("`registry import` takes one FILE, or - for standard input.");
    const given = settingFlags.flatMap((flag) => {
      const value = values[flag.slice(2)];
      return typeof value === "string" ? [[flag, value] as const] : [];
    });
    return {
      file,
      json: values["json"] === true,
      strict: values["strict"] === true,
      flags: Object.fromEntries(given),
    };
  } catch (error) {
    throw new AppError("usage", messageOf(error), { cause: error });
  }
}

interface Source {
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

async function openSource(file: string, stdin: AsyncIterable<Uint8Array>): Promise<Source> {
  if (file === "-") return { chunks: stdin, close: async () => undefined };
  try {
    const handle = await open(file, "r");
    if ((await handle.stat()).isDirectory()) {
      await handle.close();
      throw new Error("it is a directory");
    }
    return { chunks: handle.createReadStream({ autoClose: false }), close: () => handle.close() };
  } catch (error) {
    throw new AppError("usage", `Cannot read ${file}: ${messageOf(error)}.`, { cause: error });
  }
}

async function withConnection<T>(
  pool: ReturnType<typeof createPool>,
  act: (database: Database) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw asDatabaseTrouble(error) ?? error;
  });
  // A connection that breaks says so in the query under way, too.
  client.on("error", () => undefined);
  try {
    await client.query("SET application_name = 'headgate registry import'");
    const result = await act(client);
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/** As many as a person or a program can look at. */
const keptProblems = 1_000;

function report(problem: ImportProblem, problems: ImportProblem[], progress: Progress): void {
  progress.say(`line ${problem.line}: ${problem.reason}`);
  if (problems.length < keptProblems) problems.push(problem);
}

function describe(file: string, summary: ImportSummary, elapsedMs: number): string {
  const counts = (["added", "updated", "unchanged", "skipped"] as const).map(
    (kind) => `${formatCount(summary[kind])} ${kind}`,
  );
  const source = file === "-" ? "standard input" : file;
  return `${source}: ${formatCount(summary.lines)} entries in ${(elapsedMs / 1000).toFixed(1)} s: ${counts.join(", ")}\n`;
}
