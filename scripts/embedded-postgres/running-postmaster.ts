import { execFileSync } from "node:child_process";
import { readFileSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError, messageOf } from "../../app/errors.ts";
import { errorCode } from "./explain-failure.ts";

/** What the server writes in its data folder; the status comes last and is missing in the first moments. */
export interface PidFile {
  readonly pid: number;
  readonly status: string | undefined;
}

export function readPidFile(data: string): PidFile | undefined {
  let lines: string[];
  try {
    lines = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return undefined;
  }
  const pid = Number.parseInt(lines[0] ?? "", 10);
  return Number.isInteger(pid) && pid > 0 ? { pid, status: lines[7]?.trim() } : undefined;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/** The server that runs on this data folder now. A pid file alone proves nothing: process ids are used again. */
export function findRunningServer(data: string): number | undefined {
  const pid = readPidFile(data)?.pid;
  if (pid === undefined || !isAlive(pid)) return undefined;
  const commandLine = readProcess(pid).args.join(" ");
  return commandLine.includes(`postgres -D ${realpathSync(data)} `) ? pid : undefined;
}

/**
 * Makes sure that no server runs on this data folder: waits for one that is stopping, and stops one whose owner is
 * gone.
 *
 * @throws AppError `configuration` when another run is using the data
 */
export async function settleEarlierRun(data: string): Promise<void> {
  // A run that was killed a moment ago is still about to stop its server.
  const settled = Date.now() + 1_000;
  for (let pid = findRunningServer(data); pid !== undefined; pid = findRunningServer(data)) {
    const owner = findOwner(pid);
    if (owner === undefined) return stopOrphan(pid, data);
    if (readPidFile(data)?.status !== "stopping" && isAlive(owner) && Date.now() > settled) {
      throw new AppError(
        "configuration",
        `Another run (process ${owner}) is using the data in ${data}. Stop that one first (Ctrl-C in its terminal), ` +
          "or use it: it is the same database.",
      );
    }
    await sleep(50);
  }
  removeMisleadingPidFile(data);
}

/** PostgreSQL does not start as long as the process id in its file is somebody's of the same user, whoever that is. */
function removeMisleadingPidFile(data: string): void {
  const pid = readPidFile(data)?.pid;
  if (pid === undefined || !isAlive(pid) || findRunningServer(data) !== undefined) return;
  const isKnown = readProcess(pid).args.length > 0;
  if (isKnown) rmSync(join(data, "postmaster.pid"), { force: true });
}

/** The process that a server's guard (guard.sh) works for; undefined: the guard is gone, so nobody stops this server. */
function findOwner(pid: number): number | undefined {
  const { parent } = readProcess(pid);
  const { args } = readProcess(parent);
  const owner = Number(args[args.indexOf("headgate-guard") + 1]);
  return args.includes("headgate-guard") ? owner : undefined;
}

async function stopOrphan(pid: number, data: string): Promise<void> {
  for (const signal of ["SIGINT", "SIGQUIT"] as const) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (errorCode(error) === "ESRCH") return;
      throw new AppError(
        "configuration",
        `An earlier run left a PostgreSQL behind (process ${pid}, data in ${data}), and it cannot be stopped: ` +
          `${messageOf(error)}. It was probably started by another user: stop it as that user.`,
        { cause: error },
      );
    }
    const deadline = Date.now() + 15_000;
    while (findRunningServer(data) === pid && Date.now() < deadline) await sleep(50);
    if (findRunningServer(data) !== pid) return;
  }
  throw new AppError(
    "configuration",
    `An earlier run left a PostgreSQL behind (process ${pid}, data in ${data}), and it does not stop. End that process.`,
  );
}

interface ProcessFacts {
  readonly parent: number;
  readonly args: readonly string[];
}

const nothing: ProcessFacts = { parent: 0, args: [] };

function readProcess(pid: number): ProcessFacts {
  try {
    return process.platform === "linux" ? readProc(pid) : readPs(pid);
  } catch {
    return nothing;
  }
}

function readProc(pid: number): ProcessFacts {
  const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  // `pid (name) state parent …`, and the name may hold anything.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return { parent: Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]), args };
}

/** Where there is no /proc. */
function readPs(pid: number): ProcessFacts {
  const text = execFileSync("ps", ["-ww", "-o", "ppid=,args=", "-p", String(pid)], {
    encoding: "utf8",
  }).trim();
  const [parent, ...args] = text.split(/\s+/);
  return { parent: Number(parent), args };
}
