// What a start with nothing to do costs, and what memory `migrate up` takes: `npm run bench`.
// Every figure is the median of interleaved runs of real processes on a PostgreSQL that this program starts; differences
// are paired within a run, since machines are noisy. Writes bench/results.md.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { startCluster } from "../dist/scripts/embedded-postgres/cluster.js";

const root = join(import.meta.dirname, "..");
const runs = Number(process.env.BENCH_RUNS ?? 41);
const up = [join(root, "dist", "scripts", "migrate.js"), "up", "--yes"];
const work = mkdtempSync(join(tmpdir(), "headgate-bench-"));
const cluster = await startCluster({ folder: join(work, "postgres"), durable: false, temporary: true });
try {
  const lines = [`# Measured`, "", await machine(), "", ...(await noOp()), "", ...(await memory())];
  writeFileSync(join(root, "bench", "results.md"), `${lines.join("\n")}\n`);
  process.stdout.write(`${lines.join("\n")}\n`);
} finally {
  await cluster.stop();
  rmSync(work, { recursive: true, force: true });
}

async function machine() {
  const { rows } = await query("postgres", "SHOW server_version");
  const memoryGiB = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpus()[0].model.trim()}, ${memoryGiB} GiB, Node ${process.version}, PostgreSQL ${rows[0].server_version}; \`npm run bench\`, medians of ${runs} interleaved runs.`;
}

/** A second `up`, with 10 and with 1,000 applied, against a Node process that does nothing. */
async function noOp() {
  const few = await prepare(10);
  const many = await prepare(1000);
  const times = { node: [], few: [], many: [] };
  for (let round = 0; round < runs; round++) {
    times.node.push(await time(["-e", "0"], {}));
    times.few.push(await time(up, few));
    times.many.push(await time(up, many));
  }
  const differences = times.many.map((value, index) => value - times.few[index]);
  return [
    "## `up` with nothing pending",
    "",
    "| | ms | × `node -e 0` |",
    "| --- | --- | --- |",
    ...[
      ["`node -e 0`", times.node],
      ["10 applied", times.few],
      ["1,000 applied", times.many],
    ].map(
      ([name, values]) =>
        `| ${name} | ${median(values).toFixed(0)} | ${(median(values) / median(times.node)).toFixed(2)} |`,
    ),
    "",
    `1,000 applied cost ${median(differences).toFixed(0)} ms more than 10 (median of paired differences).`,
  ];
}

/** The most memory that a run had at any time, from the kernel. */
async function memory() {
  const rows = [];
  for (const count of [1000, 5000]) {
    const env = await prepare(count, false);
    rows.push([`${count} files, all pending`, await peak(env)]);
    rows.push([`${count} files, nothing pending`, await peak(env)]);
  }
  const env = folder("huge", [["000001_huge.up.sql", `SELECT '${"x".repeat(100 * 1024 * 1024)}';`]]);
  rows.push(["one file of 100 MB (refused)", await peak({ ...env, DATABASE_URL: await database("huge") })]);
  return [
    "## Memory of `up`",
    "",
    "| | peak RSS, MB | exit code |",
    "| --- | --- | --- |",
    ...rows.map(([name, { megabytes, code }]) => `| ${name} | ${megabytes} | ${code} |`),
  ];
}

async function prepare(count, apply = true) {
  const files = Array.from({ length: count }, (_, index) => {
    const version = String(index + 1).padStart(6, "0");
    return [`${version}_t.up.sql`, `CREATE TABLE t${index} (id int);\n`];
  });
  const env = {
    ...folder(`m${count}`, files),
    DATABASE_URL: await database(`m${count}${apply ? "" : "_pending"}`),
  };
  if (apply) execFileSync(process.execPath, up, { env: { ...process.env, ...env }, stdio: "ignore" });
  return env;
}

function folder(name, files) {
  const path = join(work, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of files) writeFileSync(join(path, file), text);
  return { MIGRATIONS_DIR: path, LOG_LEVEL: "silent" };
}

async function database(name) {
  await query("postgres", `CREATE DATABASE ${name}`);
  const url = new URL(cluster.url);
  url.pathname = `/${name}`;
  return url.href;
}

async function query(name, text) {
  const url = new URL(cluster.url);
  url.pathname = `/${name}`;
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

async function time(args, env) {
  const started = process.hrtime.bigint();
  const code = await run(args, env);
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}`);
  return Number(process.hrtime.bigint() - started) / 1e6;
}

async function run(args, env, watch = () => undefined) {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: "ignore" });
  watch(child.pid);
  return await new Promise((resolve) => child.once("close", (code) => resolve(code)));
}

async function peak(env) {
  let kilobytes = 0;
  let timer;
  const code = await run(up, env, (pid) => {
    timer = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        kilobytes = Math.max(kilobytes, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
      } catch {
        // It has just ended.
      }
    }, 5);
  });
  clearInterval(timer);
  return { megabytes: Math.round(kilobytes / 1024), code };
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
