import { open } from "node:fs/promises";
import { loadConfig } from "../../app/config/load.ts";
import { AppError, messageOf } from "../../app/errors.ts";
import { importServers, type ImportProblem, type ImportSummary } from "../../app/registry/import-servers.ts";
import { readLines } from "../../app/registry/read-lines.ts";
import { readArguments } from "./arguments.ts";
import { withConnection } from "./connection.ts";
import { createProgress, formatCount, type Progress } from "./progress.ts";
import type { Program } from "./run.ts";

/** `registry import FILE`; returns the exit code. */
export async function runImport(program: Program): Promise<number> {
  const { positionals, values, flags } = readArguments(program.argv, {
    json: { type: "boolean" },
    strict: { type: "boolean" },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0)
    throw new AppError("usage", "`registry import` takes one FILE, or - for standard input.");
  const strict = values["strict"] === true;
  const config = loadConfig({ flags: { ...flags }, env: program.env });
  const source = await openSource(file, program.stdin);
  const progress = createProgress(program.stderr, { activity: "importing" });
  const problems: ImportProblem[] = [];
  const started = performance.now();
  let summary: ImportSummary;
  try {
    summary = await withConnection(config, "registry import", (database) =>
      importServers({
        database,
        strict,
        lines: readLines(source.chunks),
        onProgress: (count) => progress.update(count),
        onProblem: (problem) => report(problem, problems, progress),
        onWait: () => progress.say("waiting for another import to finish"),
      }),
    );
  } finally {
    progress.end();
    await source.close();
  }

  const elapsedMs = Math.round(performance.now() - started);
  program.stdout.write(
    values["json"] === true
      ? `${JSON.stringify({ file, ...summary, elapsedMs, problems })}\n`
      : describe(file, summary, elapsedMs),
  );
  const nothingUsable = summary.skipped > 0 && summary.skipped === summary.lines;
  return nothingUsable || !summary.stored ? 3 : 0;
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
  if (!summary.stored)
    return `${source}: nothing was stored, since ${formatCount(summary.skipped)} of ${formatCount(summary.lines)} entries cannot be used (--strict)\n`;
  return `${source}: ${formatCount(summary.lines)} entries in ${(elapsedMs / 1000).toFixed(1)} s: ${counts.join(", ")}\n`;
}
