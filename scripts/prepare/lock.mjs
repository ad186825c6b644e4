import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { explain } from "./failure.mjs";

/**
 * Does `work` while no other process does the same in this clone. `work` is given `adopt`, to be called with each child
 * process: children are ended with us, and the lock holds as long as one of them lives.
 */
export async function withLock(root, work) {
  const lock = join(root, ".data", "prepare.lock");
  await take(lock);
  const children = new Set();
  const onSignal = (signal) => {
    for (const child of children) child.kill(signal);
    if (children.size === 0) process.exit(signal === "SIGINT" ? 130 : 143);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, onSignal);
  try {
    await work((child) => {
      children.add(child);
      child.once("close", () => children.delete(child));
      writeOwners(lock, [process.pid, child.pid]);
    });
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    rmSync(lock, { recursive: true, force: true });
  }
}

async function take(lock) {
  const draft = `${lock}.${process.pid}`;
  let isTold = false;
  try {
    mkdirSync(draft, { recursive: true });
    writeOwners(draft, [process.pid]);
    while (!move(draft, lock)) {
      const owners = readOwners(lock);
      if (!owners.some(isRunning)) {
        // Its owner was killed. Moving it away succeeds for one of those who wait.
        if (move(lock, `${draft}.stale`)) discard(`${draft}.stale`, lock);
        continue;
      }
      if (!isTold)
        process.stderr.write(`Another process (${owners[0].pid}) is preparing this folder; waiting …\n`);
      isTold = true;
      await sleep(100);
    }
  } catch (error) {
    throw explain(error, `Writing ${lock}`);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Removes a lock whose owner is gone; puts it back when it was somebody's new one after all. */
function discard(stale, lock) {
  if (readOwners(stale).some(isRunning) && move(stale, lock)) return;
  rmSync(stale, { recursive: true, force: true });
}

/** Moves a folder to a name that must be free: with what is in it, or not at all. */
function move(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT"].includes(error.code)) return false;
    throw error;
  }
}

function writeOwners(lock, pids) {
  const draft = join(lock, "owners.new");
  writeFileSync(draft, JSON.stringify(pids.map((pid) => ({ pid, started: startOf(pid) }))));
  renameSync(draft, join(lock, "owners"));
}

function readOwners(lock) {
  try {
    return JSON.parse(readFileSync(join(lock, "owners"), "utf8"));
  } catch {
    return []; // gone in this moment
  }
}

function isRunning({ pid, started }) {
  const now = startOf(pid);
  return now !== undefined && now === started;
}

/** When a process started: with its id, that is one process and no other. Undefined: there is none. */
function startOf(pid) {
  try {
    if (process.platform !== "linux")
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // After the name, which may hold anything: the state (Z: ended, and nobody has asked yet) … the time.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? undefined : fields[18];
  } catch {
    return undefined;
  }
}
