import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { peerProgram } from "./peers.mjs";

/** As many clients as a few busy programs keep open. */
export const connections = 16;

/** What autocannon gets from a server. @throws Error when an answer was no 2xx, or none came */
export function requestsPerSecond(url, seconds) {
  const output = execFileSync(
    process.execPath,
    [peerProgram("autocannon"), "--json", "-c", String(connections), "-d", String(seconds), url],
    { stdio: ["ignore", "pipe", "ignore"], maxBuffer: 64 * 1024 * 1024 },
  );
  const { requests, non2xx, errors } = JSON.parse(output);
  if (non2xx > 0 || errors > 0) throw new Error(`${url}: ${non2xx} answers were no 2xx, ${errors} errors`);
  return requests.average;
}

/** What pgbench gets from PostgreSQL with a statement as the repository sends it; `file` is where the script goes. */
export function transactionsPerSecond(pgbench, file, { text, values }, url, seconds) {
  writeFileSync(file, `${inlined(text, values)};\n`);
  const words = `-n -M prepared -c ${connections} -j 1 -T ${seconds}`.split(" ");
  const output = execFileSync(pgbench, [...words, "-f", file, url], {
    stdio: ["ignore", "pipe", "ignore"],
  }).toString();
  return Number(/tps = ([\d.]+)/.exec(output)[1]);
}

/** On one line, with its values in it; pgbench reads `::text` as we do, but takes a single colon for a variable. */
function inlined(text, values) {
  const literal = (value) => (typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value));
  return text
    .replaceAll(/\$(\d+)/g, (_, number) => literal(values[Number(number) - 1]))
    .replaceAll(/\s+/g, " ");
}
