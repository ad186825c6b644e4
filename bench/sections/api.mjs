import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { selectPage, selectVersion } from "../../dist/app/registry/server-repository.js";
import { median } from "../support/measure.mjs";
import { peerProgram } from "../support/peers.mjs";
import { isReady } from "../support/http.mjs";
import { findProgram } from "../support/postgres.mjs";
import { table, times } from "../support/report.mjs";
import { highWaterMark } from "./memory.mjs";
import { notMeasured } from "./no-op.mjs";

const root = join(import.meta.dirname, "..", "..");
const versions = 100_000;
const connections = 16;
const seconds = 4;
const repeats = 3;

/** Requests per second of what clients ask for, beside pgbench with the very same SELECT and two servers for comparison. */
export async function measureApi({ work, databases, freePort }) {
  const url = await databases.create("api");
  execFileSync(process.execPath, [join(root, "dist", "programs", "migrate.cjs"), "up", "--yes"], {
    env: { ...process.env, DATABASE_URL: url, LOG_LEVEL: "silent" },
    stdio: "ignore",
  });
  await seed(databases);
  const pgbench = findProgram("pgbench");
  const headgate = await startServer("dist/programs/server.cjs", url, await freePort(), await freePort());
  const idle = highWaterMark(headgate.pid);
  const rows = [];
  try {
    const deep = await deepCursor(headgate.port);
    for (const [name, path, capture] of endpoints(deep)) {
      const { text, values } = await captured(capture);
      const query = { QUERY: text, QUERY_VALUES: JSON.stringify(values) };
      const stock = await startServer("bench/stock/server.mjs", url, await freePort(), 0, query);
      const bare = await startServer("bench/stock/bare.mjs", url, await freePort(), 0, query);
      const script = join(work, "select.sql");
      writeFileSync(script, `${inlined(text, values)};\n`);
      const contestants = {
        headgate: () => requestsPerSecond(`http://127.0.0.1:${headgate.port}${path}`),
        stock: () => requestsPerSecond(`http://127.0.0.1:${stock.port}/v0.1/servers`),
        bare: () => requestsPerSecond(`http://127.0.0.1:${bare.port}/`),
        ...(pgbench === undefined ? {} : { pgbench: () => transactionsPerSecond(pgbench, script, url) }),
      };
      const results = Object.fromEntries(Object.keys(contestants).map((key) => [key, []]));
      for (let round = 0; round < repeats; round++)
        for (const [key, measure] of Object.entries(contestants)) results[key].push(measure());
      await stock.stop();
      await bare.stop();
      const middle = Object.fromEntries(Object.entries(results).map(([key, all]) => [key, median(all)]));
      const over = (key) => (middle[key] === undefined ? "" : times(middle.headgate / middle[key]));
      rows.push([name, Math.round(middle.headgate), over("stock"), over("bare"), over("pgbench")]);
    }
    const loaded = highWaterMark(headgate.pid);
    return [
      `## The API with ${versions.toLocaleString("en")} versions`,
      "",
      `${connections} connections, ${seconds} s each, ${repeats} interleaved rounds. The columns on the right: Headgate's requests per second as a multiple.`,
      "",
      ...table(["", "requests/s", "× stock Express", "× bare node:http", "× pgbench, the same SELECT"], rows),
      "",
      `Peak memory of the API: ${Math.round(idle / 1024)} MB idle, ${Math.round(loaded / 1024)} MB after the load.`,
      ...notMeasured(pgbench === undefined ? ["pgbench"] : []),
    ];
  } finally {
    await headgate.stop();
  }
}

function endpoints(deep) {
  const filters = (more) => ({ includeDeleted: false, ...more });
  return [
    ["`GET /servers?limit=30`", "/v0.1/servers?limit=30", (db) => selectPage(db, filters({}), undefined, 31)],
    [
      "the same, 50,000 versions in",
      `/v0.1/servers?limit=30&cursor=${deep.cursor}`,
      (db) => selectPage(db, filters({}), deep.after, 31),
    ],
    [
      "`GET /servers?search=needle777`",
      "/v0.1/servers?search=needle777",
      (db) => selectPage(db, filters({ search: "needle777" }), undefined, 31),
    ],
    [
      "`GET /servers/…/versions/latest`",
      `/v0.1/servers/${encodeURIComponent(nameOf(777))}/versions/latest`,
      (db) => selectVersion(db, nameOf(777), "latest", false),
    ],
  ];
}

const nameOf = (index) =>
  `com.example.group${String(index % 100).padStart(2, "0")}/server-${String(index).padStart(6, "0")}`;

/** Three versions a server; every thousandth has a word in its description that is rare. */
async function seed(databases) {
  await databases.query(
    "api",
    `CREATE TEMP TABLE seeded AS
       SELECT 'com.example.group' || lpad((s % 100)::text, 2, '0') || '/server-' || lpad(s::text, 6, '0') AS name,
              v, s, 'A server that does number ' || s || CASE WHEN s % 1000 = 777 THEN ' with needle777' ELSE '' END AS description
         FROM generate_series(0, ${Math.ceil(versions / 3)} - 1) s, generate_series(1, 3) v;
     INSERT INTO server (name) SELECT DISTINCT name FROM seeded;
     INSERT INTO server_version (server_name, version, value, title, description, status, status_changed_at, is_latest, published_at, updated_at)
       SELECT name, '1.' || v || '.0',
              json_build_object('$schema', 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json', 'name', name,
                                'description', description, 'version', '1.' || v || '.0',
                                'repository', json_build_object('url', 'https://github.com/example/' || s, 'source', 'github'),
                                'remotes', json_build_array(json_build_object('type', 'streamable-http', 'url', 'https://' || s || '.example.com/mcp')))::text::json,
              'Server ' || s, description, 'active', now() - v * interval '1 day', v = 3, now() - v * interval '1 day', now() - v * interval '1 day'
         FROM seeded`,
  );
  // As autovacuum leaves it: without, every search would walk the index's list of what was just inserted.
  await databases.query("api", "VACUUM ANALYZE");
}

/** The SQL that the repository sends, without sending it. */
async function captured(call) {
  let statement;
  const database = {
    query: (sent) => {
      statement = sent;
      return Promise.resolve({ rows: [] });
    },
  };
  await call(database);
  return statement;
}

function inlined(text, values) {
  return (
    text
      .replaceAll(/\$(\d+)/g, (_, number) => {
        const value = values[Number(number) - 1];
        return typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value);
      })
      .replaceAll(/\s+/g, " ")
      // pgbench would take `:MI` in a format for a variable of its own.
      .replaceAll(
        /'([^':]*:[^']*)'/g,
        (_, literal) => `replace('${literal.replaceAll(":", "~")}', '~', chr(58))`,
      )
  );
}

/** Walks to the middle in the largest pages. */
async function deepCursor(port) {
  let cursor = "";
  let last;
  for (let seen = 0; seen < versions / 2; seen += 100) {
    const page = await fetchJson(
      `http://127.0.0.1:${port}/v0.1/servers?limit=100${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    cursor = page.metadata.nextCursor;
    last = page.servers.at(-1).server;
  }
  return { cursor, after: { name: last.name, version: last.version } };
}

async function fetchJson(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  return await response.json();
}

async function startServer(file, url, port, operationsPort, env = {}) {
  const child = spawn(process.execPath, [join(root, file)], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: "production",
      DATABASE_URL: url,
      PORT: port,
      OPERATIONS_PORT: operationsPort,
      LOG_LEVEL: "warn",
      ...env,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const closed = new Promise((resolve) => child.once("close", resolve));
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error(`${file} has ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    pid: child.pid,
    port,
    async stop() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}

function requestsPerSecond(url) {
  const output = execFileSync(
    process.execPath,
    [peerProgram("autocannon"), "--json", "-c", String(connections), "-d", String(seconds), url],
    { stdio: ["ignore", "pipe", "ignore"], maxBuffer: 64 * 1024 * 1024 },
  );
  const { requests, non2xx, errors } = JSON.parse(output);
  if (non2xx > 0 || errors > 0) throw new Error(`${url}: ${non2xx} answers were no 2xx, ${errors} errors`);
  return requests.average;
}

function transactionsPerSecond(pgbench, script, url) {
  const words = [
    "-n",
    "-M",
    "prepared",
    "-c",
    String(connections),
    "-j",
    "1",
    "-T",
    String(seconds),
    "-f",
    script,
    url,
  ];
  const output = execFileSync(pgbench, words, { stdio: ["ignore", "pipe", "ignore"] }).toString();
  return Number(/tps = ([\d.]+)/.exec(output)[1]);
}
