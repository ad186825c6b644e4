import { spawn, type ChildProcess } from "node:child_process";
import { isAbsolute, join } from "node:path";
import { afterEach } from "@jest/globals";
import { projectRoot } from "../../version.ts";
import { assertAnswer } from "./answer-schemas.ts";
import { waitForCondition, type WaitOptions } from "./wait-for-condition.ts";

export interface ProgramOptions {
  readonly args?: readonly string[];
  /** The whole environment besides PATH and HOME: nothing of this machine leaks into the program's configuration. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The project's folder unless given. */
  readonly cwd?: string;
  /** Written to its standard input, which is then closed. */
  readonly input?: string;
}

export interface ProgramEnd {
  /** Exit code; undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningProgram {
  readonly pid: number;
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** What the program left, once it has ended and closed its output. */
  readonly ended: Promise<ProgramEnd>;
  /** Resolves when the text is, or the expression matches, in what it has written to either stream; rejects when it ends first. */
  waitForOutput(expected: string | RegExp, options?: WaitOptions): Promise<void>;
}

const running = new Set<ChildProcess>();

// Whatever a test leaves running goes with it, also when the test failed.
afterEach(async () => {
  const left = [...running];
  await Promise.all(left.map(endWithGroup));
});

/**
 * Starts one of our programs: `migrate`, `registry` (dist/programs/….cjs), `docker-entrypoint.sh`, or the path of any
 * file below the project. It gets a process group of its own, which is killed at the end of the test.
 */
export function startProgram(name: string, options: ProgramOptions = {}): RunningProgram {
  const [file, ...words] = commandOf(name);
  const child = spawn(file, [...words, ...(options.args ?? [])], {
    cwd: options.cwd ?? projectRoot,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  running.add(child);
  child.stdin.on("error", () => undefined); // it may end without reading
  child.stdin.end(options.input ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      running.delete(child);
      if (name === "migrate" && code !== null) {
        try {
          assertAnswer(options.args ?? [], code, stdout);
        } catch (error) {
          reject(error);
        }
      }
      resolve({ code: code ?? undefined, signal: signal ?? undefined, stdout, stderr });
    });
  });
  ended.catch(() => undefined); // reported to whoever awaits it
  return {
    pid: child.pid ?? 0,
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    ended,
    waitForOutput: async (expected, wait) => {
      let over = false;
      const found = waitForCondition(
        `${String(expected)} in the output of ${name}`,
        () => over || contains(stdout, expected) || contains(stderr, expected),
        wait,
      ).then(() => contains(stdout, expected) || contains(stderr, expected));
      void ended.then(() => (over = true));
      if (!(await found))
        throw new Error(`${name} ended without writing ${String(expected)}:\n${stdout}\n${stderr}`);
    },
  };
}

/** Runs a program to its end. */
export async function runProgram(name: string, options: ProgramOptions = {}): Promise<ProgramEnd> {
  return startProgram(name, options).ended;
}

function commandOf(name: string): [string, ...string[]] {
  if (/^[a-z-]+$/.test(name)) return [process.execPath, join(projectRoot, "dist", "programs", `${name}.cjs`)];
  const file = isAbsolute(name) ? name : join(projectRoot, name);
  return /\.[cm]?js$/.test(name) ? [process.execPath, file] : [file];
}

function contains(text: string, expected: string | RegExp): boolean {
  return typeof expected === "string" ? text.includes(expected) : expected.test(text);
}

async function endWithGroup(child: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => child.once("close", resolve));
  try {
    process.kill(-(child.pid as number), "SIGKILL");
  } catch {
    // The group is gone; its output is about to close.
  }
  await closed;
}
