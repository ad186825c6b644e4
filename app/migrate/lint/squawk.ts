import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { devNull } from "node:os";
import { messageOf } from "../../errors.ts";
import type { Remark } from "./finding.ts";
import { squawkRules } from "./squawk-rules.ts";

export interface SquawkOptions {
  readonly serverVersion: number;
  readonly inTransaction: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What squawk says of a text, with the help that it gives; or why it could not judge, the end of a sentence. */
export type SquawkVerdict = readonly SquawkRemark[] | string;

export interface SquawkRemark extends Remark {
  readonly help: string | undefined;
}

/** What squawk calls a text that it cannot read; PostgreSQL's own parser decides whether that is so. */
export const syntaxError = "syntax-error";

/** Longer than this, in ms, it is not going to answer. */
const longest = 60_000;

/**
 * Runs squawk on one text. Each text gets a process of its own, since a text that squawk cannot bear ends the process.
 * The text goes through a pipe, so no folder need be writable; nothing is sent anywhere.
 */
export async function askSquawk(text: string, options: SquawkOptions): Promise<SquawkVerdict> {
  let program: string;
  try {
    program = findSquawk();
  } catch (error) {
    return oneLine(messageOf(error));
  }
  const end = await run(program, flagsFor(options), text, options.signal);
  if (typeof end === "string") return end;
  const { code, signal, output, errors } = end;
  const found = parseOutput(output);
  if (found !== undefined && (code === 0 || code === 1))
    return found.map((one) => locate(one, text)).filter(isOurs(options));
  if (signal !== null) return `it ended with ${signal}`;
  const firstLine = errors.split("\n").find((line) => line.trim() !== "") ?? "it said nothing";
  return code === 101 ? `it panicked: ${firstLine}` : `it ended with status ${code}: ${firstLine}`;
}

function flagsFor({ serverVersion, inTransaction }: SquawkOptions): string[] {
  const off = Object.entries(squawkRules).flatMap(([rule, { severity }]) =>
    severity === "off" ? [rule] : [],
  );
  return [
    ...["--reporter", "json"],
    // Otherwise it would read a .squawk.toml of whatever folder this was started in.
    ...["--config", devNull],
    ...["--pg-version", String(serverVersion)],
    ...["--exclude", off.join(",")],
    ...(inTransaction ? ["--assume-in-transaction"] : []),
  ];
}

interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

async function run(
  program: string,
  flags: string[],
  input: string,
  signal: AbortSignal | undefined,
): Promise<ProcessEnd | string> {
  return await new Promise((resolve, reject) => {
    // No variable of ours is its business: it has some of its own for uploads.
    const child = spawn(program, flags, { env: {}, timeout: longest, killSignal: "SIGKILL" });
    const stop = (): void => {
      child.kill("SIGKILL");
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    let [output, errors] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (part: string) => (output += part));
    child.stderr.setEncoding("utf8").on("data", (part: string) => (errors += part));
    // It may end without having read everything.
    child.stdin.on("error", () => undefined).end(input);
    child.once("error", (error) => resolve(`it cannot be started: ${messageOf(error)}`));
    child.once("close", (code, endSignal) => {
      signal?.removeEventListener("abort", stop);
      resolve({ code, signal: endSignal, output, errors });
    });
  });
}

/** The program itself, which is a package for each platform; squawk-cli's own starter would cost a second process. */
function findSquawk(): string {
  const require = createRequire(import.meta.url);
  const { getBinaryPath } = require("squawk-cli/js/index.js") as { getBinaryPath: () => string };
  return getBinaryPath();
}

interface Reported {
  readonly rule_name: string;
  readonly message: string;
  readonly help: string | null;
  /** From 0. */
  readonly line: number;
  /** In bytes, from 0. */
  readonly column: number;
  readonly line_end: number;
  readonly column_end: number;
}

function parseOutput(output: string): readonly Reported[] | undefined {
  try {
    const found: unknown = JSON.parse(output);
    return Array.isArray(found) ? dropRepeated(found as Reported[]) : undefined;
  } catch {
    return undefined;
  }
}

/** These say the same of one constraint, and what to do about it that can be done. */
const moreExact: ReadonlySet<string> = new Set([
  "adding-foreign-key-constraint",
  "adding-serial-primary-key-field",
  "disallowed-unique-constraint",
]);

/** UNIQUE and PRIMARY KEY cannot be NOT VALID, which `constraint-missing-not-valid` asks for. */
function dropRepeated(found: readonly Reported[]): Reported[] {
  const exact = found.filter((one) => moreExact.has(one.rule_name));
  return found.filter(
    (one) =>
      one.rule_name !== "constraint-missing-not-valid" ||
      !exact.some(
        (other) => isBefore(one.line, one.column, other) && !isBefore(one.line_end, one.column_end, other),
      ),
  );
}

function isBefore(line: number, column: number, other: Reported): boolean {
  return line < other.line || (line === other.line && column <= other.column);
}

function locate({ rule_name: rule, message, help, line, column }: Reported, text: string): SquawkRemark {
  let start = 0;
  for (let passed = 0; passed < line; passed++) start = text.indexOf("\n", start) + 1;
  // No character has more bytes than four, so this much of the line is enough.
  const before = Buffer.from(text.slice(start, start + column), "utf8").subarray(0, column);
  return {
    rule,
    message: oneLine(message),
    help: help === null ? undefined : oneLine(help),
    offset: start + before.toString("utf8").length,
  };
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** Before PostgreSQL 14 a partition cannot be detached otherwise. */
function isOurs({ serverVersion }: SquawkOptions): (remark: SquawkRemark) => boolean {
  return ({ rule }) => rule !== "require-concurrent-partition-detach" || serverVersion >= 14;
}
