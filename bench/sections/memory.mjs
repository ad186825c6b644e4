import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runProcess } from "../support/measure.mjs";
import { findTools } from "../support/peers.mjs";
import { table } from "../support/report.mjs";

/** The most memory that `up` had at any time, from the kernel. */
export async function measureMemory({ work, databases }) {
  const headgate = findTools().here.find(({ name }) => name === "Headgate");
  const rows = [];
  for (const count of [1000, 5000]) {
    const folder = join(work, `memory-${count}`);
    headgate.write(
      folder,
      Array.from({ length: count }, (_, index) => ({ sql: `CREATE TABLE t${index} (id int);` })),
    );
    const command = headgate.up(folder, await databases.create("memory"));
    rows.push([`${count} files, all pending`, ...(await peak(command))]);
    rows.push([`${count} files, nothing pending`, ...(await peak(command))]);
  }
  const folder = join(work, "memory-huge");
  mkdirSync(folder);
  writeFileSync(join(folder, "000001_huge.up.sql"), `SELECT '${"x".repeat(100 * 1024 * 1024)}';`);
  const command = headgate.up(folder, await databases.create("memory"));
  rows.push(["one file of 100 MB (refused)", ...(await peak(command))]);
  return ["## Memory of `up`", "", ...table(["", "peak RSS, MB", "exit code"], rows)];
}

async function peak([words, env]) {
  let kilobytes = 0;
  let timer;
  const { code } = await runProcess(words, env, (pid) => {
    timer = setInterval(() => (kilobytes = Math.max(kilobytes, highWaterMark(pid))), 5);
  });
  clearInterval(timer);
  return [Math.round(kilobytes / 1024), code];
}

/** Kilobytes; 0 once the process has ended. */
export function highWaterMark(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
