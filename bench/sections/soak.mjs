import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isReady } from "../support/http.mjs";
import { median } from "../support/measure.mjs";
import { table } from "../support/report.mjs";

const root = join(import.meta.dirname, "..", "..");
const minutes = Number(process.env.SOAK_MINUTES ?? 20);
const readers = 6;
const publishers = 2;

/** Mixed reads and publishes for a long time, while a newer release migrates back and forth: what grows, what fails. */
export async function measureSoak({ work, databases, freePort }) {
  const url = await databases.create("soak");
  const folder = join(work, "soak-migrations");
  cpSync(join(root, "migrations"), folder, { recursive: true });
  const migrate = (...words) =>
    runMigrate([...words, "--yes"], { DATABASE_URL: url, MIGRATIONS_DIR: folder, LOG_LEVEL: "silent" });
  await migrate("up");
  const token = randomBytes(16).toString("hex");
  const tokens = join(work, "tokens");
  writeFileSync(tokens, `${createHash("sha256").update(token).digest("hex")} com.example/*\n`);
  const server = await startServer(url, await freePort(), await freePort(), tokens);
  const until = Date.now() + minutes * 60_000;
  const counts = { reads: 0, publishes: 0, migrations: 0, statuses: new Map() };
  const samples = [];
  try {
    await Promise.all([
      ...Array.from({ length: readers }, () => read(server.port, until, counts)),
      ...Array.from({ length: publishers }, (_, index) => publish(server.port, token, index, until, counts)),
      migrateBackAndForth(migrate, folder, until, counts),
      watch(server, databases, until, samples),
    ]);
  } finally {
    await server.stop();
  }
  return report(counts, samples);
}

async function read(port, until, counts) {
  const paths = [
    "/v0.1/servers?limit=30",
    "/v0.1/servers?search=soak",
    "/v0.1/servers?limit=100&version=latest",
    "/ready",
  ];
  for (let turn = 0; Date.now() < until; turn++) {
    await ask(`http://127.0.0.1:${port}${paths[turn % paths.length]}`, {}, counts);
    counts.reads += 1;
  }
}

async function publish(port, token, index, until, counts) {
  for (let turn = 0; Date.now() < until; turn++) {
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
async function migrateBackAndForth(migrate, folder, until, counts) {
  while (Date.now() < until) {
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

async function watch(server, databases, until, samples) {
  while (Date.now() < until) {
    await sleep(2000);
    const { rows } = await databases.query(
      "postgres",
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = 'soak' AND application_name NOT LIKE 'headgate migrate%'",
    );
    samples.push({
      megabytes: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]) / 1024,
      handles: readdirSync(`/proc/${server.pid}/fd`).length,
      connections: rows[0].count,
    });
  }
}

function report({ reads, publishes, migrations, statuses }, samples) {
  const quarter = Math.floor(samples.length / 4);
  // The first quarter is for getting warm.
  const parts = [
    samples.slice(quarter, 2 * quarter),
    samples.slice(2 * quarter, 3 * quarter),
    samples.slice(3 * quarter),
  ];
  const cells = (key) => parts.map((part) => Math.round(median(part.map((sample) => sample[key]))));
  return [
    "## Soak",
    "",
    `${minutes} minutes: ${reads.toLocaleString("en")} reads and ${publishes.toLocaleString("en")} publishes by ${readers + publishers} clients, ${migrations} migrations applied and reverted meanwhile.`,
    "",
    ...table(
      ["median of", "second quarter", "third", "last"],
      [
        ["memory of the API, MB", ...cells("megabytes")],
        ["open handles", ...cells("handles")],
        ["connections to PostgreSQL", ...cells("connections")],
      ],
    ),
    "",
    `Answers: ${[...statuses].map(([status, count]) => `${status}: ${count.toLocaleString("en")}`).join(", ")}.`,
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

async function startServer(url, port, operationsPort, tokens) {
  const child = spawn(process.execPath, [join(root, "dist", "programs", "server.cjs")], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "production",
      DATABASE_URL: url,
      PORT: port,
      OPERATIONS_PORT: operationsPort,
      LOG_LEVEL: "error",
      REGISTRY_PUBLISH_TOKENS_FILE: tokens,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error(`the server has ended with ${child.exitCode}`);
    await sleep(20);
  }
  return {
    pid: child.pid,
    port,
    async stop() {
      const closed = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGTERM");
      await closed;
    },
  };
}
