import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../support/measure.mjs";
import { seedRegistry } from "../support/registry-seed.mjs";
import { table, Verdict } from "../support/report.mjs";
import { startServer } from "../support/server-process.mjs";

const root = join(import.meta.dirname, "..", "..");
const minutes = Number(process.env.SOAK_MINUTES ?? 20);
const readers = 6;
const publishers = 2;
const seededServers = 1000;

/**
 * Mixed reads and publishes for a long time, while a newer release migrates back and forth.
 *
 * @throws Verdict when an answer is a 5xx or does not come, or when something grows beyond its bound
 */
export async function measureSoak({ work, databases, freePort }) {
  const url = await databases.create("soak");
  const folder = join(work, "soak-migrations");
  cpSync(join(root, "migrations"), folder, { recursive: true });
  const migrate = (...words) =>
    runMigrate([...words, "--yes"], { DATABASE_URL: url, MIGRATIONS_DIR: folder, LOG_LEVEL: "silent" });
  await migrate("up");
  // Pages are full from the beginning, so that what grows is no larger answer.
  await seedRegistry(databases, "soak", seededServers);
  const token = randomBytes(16).toString("hex");
  const tokens = join(work, "tokens");
  writeFileSync(tokens, `${createHash("sha256").update(token).digest("hex")} com.example/*\n`);
  const operationsPort = await freePort();
  const server = await startServer(join(root, "dist", "programs", "server.cjs"), {
    DATABASE_URL: url,
    PORT: await freePort(),
    OPERATIONS_PORT: operationsPort,
    LOG_LEVEL: "error",
    REGISTRY_PUBLISH_TOKENS_FILE: tokens,
  });
  const end = { at: Date.now() + minutes * 60_000 };
  const counts = { reads: 0, publishes: 0, migrations: 0, statuses: new Map() };
  const samples = [];
  try {
    await Promise.all([
      ...Array.from({ length: readers }, () => read(server.port, end, counts)),
      ...Array.from({ length: publishers }, (_, index) => publish(server.port, token, index, end, counts)),
      migrateBackAndForth(migrate, folder, end, counts),
      watch({ pid: server.pid, operationsPort }, databases, end, samples),
    ]);
  } finally {
    end.at = 0;
    await server.stop();
  }
  const lines = report(counts, samples);
  const complaints = judge(counts, samples);
  if (complaints.length > 0) throw new Verdict(`${lines.join("\n")}\n\n${complaints.join("\n")}`);
  return lines;
}

async function read(port, end, counts) {
  const paths = [
    "/v0.1/servers?limit=30",
    "/v0.1/servers?search=soak",
    "/v0.1/servers?limit=100&version=latest",
    "/ready",
  ];
  for (let turn = 0; Date.now() < end.at; turn++) {
    await ask(`http://127.0.0.1:${port}${paths[turn % paths.length]}`, {}, counts);
    counts.reads += 1;
  }
}

async function publish(port, token, index, end, counts) {
  for (let turn = 0; Date.now() < end.at; turn++) {
    const body = JSON.stringify({
      $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
      name: `com.example/soak-${index}-${turn % 200}`,
      description: "Published to see what grows",
      version: `1.${Math.floor(turn / 200)}.0`,
    });
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    await ask(`http://127.0.0.1:${port}/v0.1/publish`, { method: "POST", headers, body }, counts);
    counts.publishes += 1;
    await sleep(20);
  }
}

async function ask(url, options, counts) {
  const response = await fetch(url, options).catch((error) => ({
    status: `no answer (${error.cause?.code ?? error.message})`,
  }));
  await response.text?.();
  counts.statuses.set(response.status, (counts.statuses.get(response.status) ?? 0) + 1);
}

const extra = [
  [
    "000091_add_note",
    "ALTER TABLE server_version ADD COLUMN note text;",
    "ALTER TABLE server_version DROP COLUMN note;",
  ],
  [
    "000092_create_note_index",
    "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY server_version_published ON server_version (published_at);",
    "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY server_version_published;",
  ],
];

/** As a newer release would, and the way back. */
async function migrateBackAndForth(migrate, folder, end, counts) {
  while (Date.now() < end.at) {
    for (const [name, up, down] of extra) {
      writeFileSync(join(folder, `${name}.up.sql`), up);
      writeFileSync(join(folder, `${name}.down.sql`), down);
    }
    await migrate("up");
    await sleep(5000);
    await migrate("down", "-n", String(extra.length));
    for (const [name] of extra) for (const way of ["up", "down"]) rmSync(join(folder, `${name}.${way}.sql`));
    counts.migrations += 2 * extra.length;
    await sleep(5000);
  }
}

async function watch({ pid, operationsPort }, databases, end, samples) {
  while (Date.now() < end.at) {
    await sleep(2000);
    const { rows } = await databases.query(
      "postgres",
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = 'soak' AND application_name NOT LIKE 'headgate migrate%'",
    );
    samples.push({
      heap: await readHeap(operationsPort),
      resident: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024,
      handles: readdirSync(`/proc/${pid}/fd`).length,
      connections: rows[0].count,
    });
  }
}

function report({ reads, publishes, migrations, statuses }, samples) {
  const cells = (key) => laterQuarters(samples, key).map(Math.round);
  return [
    "## Soak",
    "",
    `${minutes} minutes: ${reads.toLocaleString("en")} reads and ${publishes.toLocaleString("en")} publishes by ${readers + publishers} clients, ${migrations} migrations applied and reverted meanwhile.`,
    "",
    ...table(
      ["median of", "second quarter", "third", "last"],
      [
        ["heap of the API with its buffers, MB (the least)", ...cells("heap")],
        ["resident memory of the API, MB", ...cells("resident")],
        ["open handles", ...cells("handles")],
        ["connections to PostgreSQL", ...cells("connections")],
      ],
    ),
    "",
    `Answers: ${[...statuses].map(([status, count]) => `${status}: ${count.toLocaleString("en")}`).join(", ")}.`,
  ];
}

/** Megabytes that JavaScript holds right now, garbage and all, with what lies outside its heap. */
async function readHeap(operationsPort) {
  const response = await fetch(`http://127.0.0.1:${operationsPort}/metrics`);
  const text = await response.text();
  const bytes = ["nodejs_heap_size_used_bytes", "nodejs_external_memory_bytes"].map((name) =>
    Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)[1]),
  );
  return (bytes[0] + bytes[1]) / 2 ** 20;
}

/**
 * The second, third and last quarter of the time (the first one is for getting warm): medians, but of the heap the least,
 * which holds the least garbage.
 */
function laterQuarters(samples, key) {
  const quarter = Math.floor(samples.length / 4);
  return [1, 2, 3].map((index) => {
    const part = samples.slice(index * quarter, index === 3 ? undefined : (index + 1) * quarter);
    const values = part.map((sample) => sample[key]);
    return key === "heap" ? Math.min(...values) : median(values);
  });
}

/** How far the last quarter may be above the second: V8 takes its time to give memory back, a socket is just closing. */
const bounds = {
  heap: { name: "the heap of the API, in MB,", share: 0.25, more: 10 },
  resident: { name: "the resident memory of the API, in MB,", share: 0.25, more: 10 },
  handles: { name: "open handles", share: 0, more: 3 },
  connections: { name: "connections to PostgreSQL", share: 0, more: 1 },
};

function judge({ statuses }, samples) {
  const failed = [...statuses].filter(([status]) => typeof status === "string" || status >= 500);
  const grown = Object.entries(bounds).flatMap(([key, { name, share, more }]) => {
    const [before, , after] = laterQuarters(samples, key);
    const most = before * (1 + share) + more;
    return after <= most
      ? []
      : `Soak failed: ${name} went from ${Math.round(before)} to ${Math.round(after)}; at most ${Math.round(most)} is no growth.`;
  });
  return [
    ...failed.map(([status, count]) => `Soak failed: ${count} requests were answered with ${status}.`),
    ...grown,
  ];
}

async function runMigrate(words, env) {
  const child = spawn(process.execPath, [join(root, "dist", "programs", "migrate.cjs"), ...words], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`migrate ${words.join(" ")} ended with ${code}`);
}
