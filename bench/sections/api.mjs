import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { selectPage, selectVersion } from "../../dist/app/registry/server-repository.js";
import { connections, requestsPerSecond, transactionsPerSecond } from "../support/load.mjs";
import { median, pairedRatio } from "../support/measure.mjs";
import { findProgram } from "../support/postgres.mjs";
import { seedRegistry, serverName, versionsPerServer } from "../support/registry-seed.mjs";
import { table, times } from "../support/report.mjs";
import { startServer } from "../support/server-process.mjs";
import { highWaterMark } from "./memory.mjs";
import { notMeasured } from "./no-op.mjs";

const root = join(import.meta.dirname, "..", "..");
const versions = 100_000;
/** For each measurement. Short ones in many turns: a machine slows down for seconds at a time. */
const seconds = Number(process.env.BENCH_SECONDS ?? 1);
const repeats = 11;
const poolSizes = [4, 10, 16];
const firstPage = "/v0.1/servers?limit=30";

/**
 * Requests per second of what clients ask for, beside pgbench with the very same SELECT and three servers that send it:
 * what people would write, and as little as Express and node:http can do.
 */
export async function measureApi({ work, databases, freePort }) {
  const url = await databases.create("api");
  execFileSync(process.execPath, [join(root, "dist", "programs", "migrate.cjs"), "up", "--yes"], {
    env: { ...process.env, DATABASE_URL: url, LOG_LEVEL: "silent" },
    stdio: "ignore",
  });
  const sizes = await seedRegistry(databases, "api", Math.ceil(versions / versionsPerServer));
  const start = async (file, env = {}) =>
    await startServer(join(root, file), {
      DATABASE_URL: url,
      PORT: await freePort(),
      OPERATIONS_PORT: await freePort(),
      ...env,
    });
  const pgbench = findProgram("pgbench");
  const headgate = await start("dist/programs/server.cjs");
  const idle = highWaterMark(headgate.pid);
  const rows = [];
  let deepOverFirst;
  try {
    for (const [name, path, capture] of endpoints(await deepCursor(headgate.port))) {
      const statement = await captured(capture);
      const query = { QUERY: statement.text, QUERY_VALUES: JSON.stringify(statement.values) };
      const stock = await start("bench/stock/server.mjs", { ...query, QUERY: plainColumns(statement.text) });
      const express = await start("bench/stock/express.mjs", query);
      const bare = await start("bench/stock/bare.mjs", query);
      const results = inTurns({
        headgate: (time) => requestsPerSecond(`http://127.0.0.1:${headgate.port}${path}`, time),
        stock: (time) => requestsPerSecond(`http://127.0.0.1:${stock.port}/v0.1/servers`, time),
        express: (time) => requestsPerSecond(`http://127.0.0.1:${express.port}/v0.1/servers`, time),
        bare: (time) => requestsPerSecond(`http://127.0.0.1:${bare.port}/`, time),
        ...(path.includes("&cursor=")
          ? { first: (time) => requestsPerSecond(`http://127.0.0.1:${headgate.port}${firstPage}`, time) }
          : {}),
        ...(pgbench === undefined
          ? {}
          : {
              pgbench: (time) =>
                transactionsPerSecond(pgbench, join(work, "select.sql"), statement, url, time),
            }),
      });
      for (const server of [stock, express, bare]) await server.stop();
      const over = (key) =>
        results[key] === undefined ? "" : times(pairedRatio(results.headgate, results[key]));
      const perSecond = Math.round(median(results.headgate));
      rows.push([name, perSecond, ...["stock", "express", "bare", "pgbench"].map(over)]);
      if (results.first !== undefined) deepOverFirst = pairedRatio(results.headgate, results.first);
    }
    const loaded = highWaterMark(headgate.pid);
    return [
      `## The API with ${versions.toLocaleString("en")} versions`,
      "",
      `${connections} connections, ${seconds} s each, ${repeats} interleaved rounds after a warm-up. The load comes from the machine whose cores the servers and PostgreSQL use as well, so only the ratios say something. The documents are made after those of a public registry: median ${median(sizes)} bytes, mean ${Math.round(sizes.reduce((sum, size) => sum + size) / sizes.length)}, largest ${Math.max(...sizes)}. The columns on the right: Headgate's requests per second as a multiple. All of them send the same SELECT but stock Express, which asks for the same rows with their columns as they are.`,
      "",
      ...table(
        [
          "",
          "requests/s",
          "× stock Express",
          "× bare Express",
          "× bare node:http",
          "× pgbench, the SELECT alone",
        ],
        rows,
      ),
      "",
      `The page that is 50,000 versions in, as a multiple of the first page, in turns: ${times(deepOverFirst)}.`,
      "",
      ...(await comparePoolSizes(start)),
      "",
      `Peak memory of the API: ${Math.round(idle / 1024)} MB idle, ${Math.round(loaded / 1024)} MB after the load.`,
      ...notMeasured(pgbench === undefined ? ["pgbench"] : []),
    ];
  } finally {
    await headgate.stop();
  }
}

/** What each contestant reached, one round after the other, after a second that does not count. */
function inTurns(contestants) {
  const results = Object.fromEntries(Object.keys(contestants).map((key) => [key, []]));
  for (const measure of Object.values(contestants)) measure(1);
  for (let round = 0; round < repeats; round++)
    for (const [key, measure] of Object.entries(contestants)) results[key].push(measure(seconds));
  return results;
}

/** What more connections of one process bring. */
async function comparePoolSizes(start) {
  const servers = [];
  for (const size of poolSizes)
    servers.push([size, await start("dist/programs/server.cjs", { DATABASE_POOL_SIZE: String(size) })]);
  const rows = [
    ["`GET /servers?limit=30`", firstPage],
    ["`GET /servers/…/versions/latest`", latestPath],
  ].map(([name, path]) => {
    const results = inTurns(
      Object.fromEntries(
        servers.map(([size, { port }]) => [
          size,
          (time) => requestsPerSecond(`http://127.0.0.1:${port}${path}`, time),
        ]),
      ),
    );
    return [name, ...poolSizes.map((size) => times(pairedRatio(results[size], results[10])))];
  });
  for (const [, server] of servers) await server.stop();
  return table(["requests/s by DATABASE_POOL_SIZE, as a multiple of the default's", ...poolSizes], rows);
}

const latestPath = `/v0.1/servers/${encodeURIComponent(serverName(777))}/versions/latest`;

function endpoints(deep) {
  const filters = (more) => ({ includeDeleted: false, ...more });
  return [
    ["`GET /servers?limit=30`", firstPage, (db) => selectPage(db, filters({}), undefined, 31)],
    [
      "the same, 50,000 versions in",
      `${firstPage}&cursor=${deep.cursor}`,
      (db) => selectPage(db, filters({}), deep.after, 31),
    ],
    [
      "`GET /servers?search=needle777`",
      "/v0.1/servers?search=needle777",
      (db) => selectPage(db, filters({ search: "needle777" }), undefined, 31),
    ],
    [
      "`GET /servers/…/versions/latest`",
      latestPath,
      (db) => selectVersion(db, serverName(777), "latest", false),
    ],
  ];
}

/** The same rows as somebody asks for them who has not thought of what it costs to write and to read them. */
function plainColumns(text) {
  return text.replace(
    /^SELECT .*? FROM /s,
    "SELECT server_name, version, value, is_latest, status, status_message, status_changed_at, published_at, updated_at FROM ",
  );
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
