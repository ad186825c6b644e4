import { spawn } from "node:child_process";

/**
 * Runs every contestant once a round, so that a machine that slows down slows all of them, and returns their times in
 * milliseconds by name. The first round warms caches and does not count.
 *
 * @param {Record<string, () => Promise<number>>} contestants each returns the milliseconds of one run
 */
export async function interleave(contestants, rounds) {
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const milliseconds = await run();
      if (round >= 0) times[name].push(milliseconds);
    }
  }
  return times;
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of what each run took more than its partner of the same round. */
export function pairedDifference(times, others) {
  return median(times.map((value, index) => value - others[index]));
}

/** The median of what each run took as a multiple of its partner of the same round. */
export function pairedRatio(times, others) {
  return median(times.map((value, index) => value / others[index]));
}

/** Milliseconds of a process from its start to its end. @throws Error when it does not end with 0 */
export async function timeProcess(words, env = {}) {
  const started = performance.now();
  const { code, output } = await runProcess(words, env);
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}:\n${output}`);
  return performance.now() - started;
}

/** Runs a process to its end. `watch` gets its pid. */
export async function runProcess([file, ...args], env = {}, watch = () => undefined) {
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  watch(child.pid);
  let output = "";
  const keep = (chunk) => (output = (output + chunk).slice(-4000));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? signal));
  });
  return { code, output };
}
