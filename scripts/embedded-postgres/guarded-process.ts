import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Socket } from "node:net";
import { projectRoot } from "../../app/version.ts";
import type { Launch } from "./server-user.ts";

export interface GuardedProgram {
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** As whom it runs; undefined: as we are. */
  readonly launch?: Launch;
  /** Where its output goes: file descriptors, or "inherit". */
  readonly output: { readonly stdout: number | "inherit"; readonly stderr: number | "inherit" };
  /** How it is stopped when we close the pipe, or are killed; `hard` follows after `graceSeconds`. */
  readonly stop: { readonly signal: string; readonly hard: string; readonly graceSeconds: number };
  /** Removed, with everything in it, after the program was stopped; kept when the program ends by itself. */
  readonly removeFolder?: string;
}

export interface GuardedProcess {
  /** The program's process id, not the guard's. */
  readonly pid: number;
  /** The program's exit status, 128 + n after a signal. Never rejects. */
  readonly ended: Promise<number>;
  hasEnded(): boolean;
  /** Sends a signal, as long as the program runs; by way of its parent, so never to a recycled process id. KILL takes what it started too. */
  signal(name: "TERM" | "INT" | "QUIT" | "KILL"): void;
  /** Lets the guard stop the program, and resolves with its status. */
  stop(): Promise<number>;
  /** From now on this process may end although the program still runs; the guard then stops it. */
  release(): void;
}

/**
 * Starts a program that cannot outlive this process, not even after kill -9: a small shell (guard.sh) holds a pipe from
 * us and stops the program when the pipe breaks. It lives in a session of its own, so Ctrl-C in the terminal reaches
 * us alone and we decide the order in which things end.
 */
export async function startGuarded(program: GuardedProgram): Promise<GuardedProcess> {
  const { signal, hard, graceSeconds } = program.stop;
  const script = readFileSync(join(projectRoot, "scripts", "embedded-postgres", "guard.sh"), "utf8");
  const [file, ...args] = [
    ...(program.launch?.prefix ?? []),
    "sh",
    "-c",
    script,
    "headgate-guard",
    String(process.pid),
    signal,
    hard,
    String(graceSeconds),
    program.removeFolder ?? "",
    ...program.command,
  ];
  const guard = spawn(file as string, args, {
    detached: true,
    env: program.env,
    stdio: ["ignore", program.output.stdout, program.output.stderr, "pipe"],
    ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
    ...program.launch?.ids,
  });
  const pipe = guard.stdio[3] as Socket;
  pipe.on("error", () => undefined); // the guard ended first; `ended` says so
  await once(guard, "spawn");

  let status: number | undefined;
  const ended = new Promise<number>((resolve) => {
    guard.once("exit", (code) => {
      status = code ?? 137;
      pipe.destroy();
      resolve(status);
    });
  });
  const pid = await firstLine(pipe, ended);
  return {
    pid: Number(pid),
    ended,
    hasEnded: () => status !== undefined,
    signal: (name) => {
      if (status === undefined) pipe.write(`${name}\n`);
    },
    stop: async () => {
      guard.ref();
      if (status === undefined) pipe.end();
      return ended;
    },
    release: () => {
      guard.unref();
      pipe.unref();
    },
  };
}

/** The program's process id; 0 when even the guard could not run, which `ended` then tells by its status. */
async function firstLine(pipe: Socket, ended: Promise<number>): Promise<string> {
  pipe.setEncoding("utf8");
  const line = new Promise<string>((resolve) => {
    let text = "";
    pipe.on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.trim());
    });
  });
  return Promise.race([line, ended.then(() => "0")]);
}
