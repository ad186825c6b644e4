// Headgate beside what people would use instead: `npm run bench [-- SECTION …]`.
//
// Every figure is a median of interleaved runs of real processes on a PostgreSQL that this program starts; what counts
// are the ratios, since machines are noisy. Writes bench/results.md; sections that were not asked for stay as they are.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { startCluster } from "../dist/scripts/embedded-postgres/cluster.js";
import { measureApi } from "./sections/api.mjs";
import { measureApply } from "./sections/apply.mjs";
import { measureCrowd } from "./sections/crowd.mjs";
import { measureMemory } from "./sections/memory.mjs";
import { measureNoOp } from "./sections/no-op.mjs";
import { measureSoak } from "./sections/soak.mjs";
import { measureStart } from "./sections/start.mjs";
import { installPeers } from "./support/peers.mjs";
import { createDatabases, preferRealClients } from "./support/postgres.mjs";
import { Verdict } from "./support/report.mjs";

const sections = {
  start: measureStart,
  "no-op": measureNoOp,
  apply: measureApply,
  crowd: measureCrowd,
  api: measureApi,
  memory: measureMemory,
  soak: measureSoak,
};
/** Takes 20 minutes by itself. */
const onlyWhenAsked = new Set(["soak"]);
const results = join(import.meta.dirname, "results.md");
const rounds = Number(process.env.BENCH_ROUNDS ?? 21);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in sections));
if (unknown.length > 0) {
  process.stderr.write(
    `There is no section ${unknown.join(", ")}; there are ${Object.keys(sections).join(", ")}.\n`,
  );
  process.exit(2);
}
installPeers();
preferRealClients();
const work = mkdtempSync(join(tmpdir(), "headgate-bench-"));
// As an image is built: what V8 compiled of the programs in one run is kept.
execFileSync(process.execPath, [join(import.meta.dirname, "..", "dist", "scripts", "keep-compiled.js")], {
  stdio: ["ignore", "ignore", "inherit"],
});
const cluster = await startCluster({ folder: join(work, "postgres"), durable: false, temporary: true });
try {
  const databases = createDatabases(cluster.url);
  const { rows } = await databases.query("postgres", "SHOW server_version");
  const machine = `${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, PostgreSQL ${rows[0].server_version}`;
  const parts = readParts();
  for (const [name, measure] of Object.entries(sections)) {
    if (asked.length > 0 ? !asked.includes(name) : onlyWhenAsked.has(name)) continue;
    process.stderr.write(`${name} …\n`);
    const lines = await measure({ work, databases, rounds, freePort });
    parts.set(name, `${lines.join("\n")}\n\n${machine}; \`npm run bench -- ${name}\`.`);
    write(parts);
  }
  process.stdout.write(readFileSync(results, "utf8"));
} catch (error) {
  if (!(error instanceof Verdict)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  await cluster.stop();
  rmSync(work, { recursive: true, force: true });
}

function readParts() {
  const parts = new Map();
  let text = "";
  try {
    text = readFileSync(results, "utf8");
  } catch {
    // Nothing measured yet.
  }
  for (const [, name, content] of text.matchAll(/<!-- (\S+) -->\n([\s\S]*?)\n<!-- end -->/g))
    parts.set(name, content);
  return parts;
}

function write(parts) {
  const inOrder = Object.keys(sections).filter((name) => parts.has(name));
  const text = inOrder.map((name) => `<!-- ${name} -->\n${parts.get(name)}\n<!-- end -->`).join("\n\n");
  writeFileSync(
    results,
    `# Measured\n\nMedians of interleaved runs in one go; ratios are what counts. \`npm run bench\` measures all of it again.\n\n${text}\n`,
  );
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
