import { execFileSync, spawn } from "node:child_process";
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
/** Of somebody who writes, in milliseconds. */
const pauses = [100, 10, 1];
const firstPage = "/v0.1/servers?limit=30";

/**
 * Requests per second of what clients ask for, beside pgbench with the very same SELECT and three servers that send it:
 * what people would write, and as little as Express and node:http can do. Headgate is there twice: with every answer read
 * from the database, as all the others do, and as it comes, with answers kept.
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
  const reading = await start(program, keepsNothing);
  const keeping = await start(program);
  const idle = highWaterMark(keeping.pid);
  const rows = [];
  const keptRows = [];
  let deepOverFirst;
  try {
    for (const [name, path, capture] of endpoints(await deepCursor(reading.port))) {
      const statement = await captured(capture);
      const query = { QUERY: statement.text, QUERY_VALUES: JSON.stringify(statement.values) };
      const stock = await start("bench/stock/server.mjs", { ...query, QUERY: plainColumns(statement.text) });
      const express = await start("bench/stock/express.mjs", query);
      const bare = await start("bench/stock/bare.mjs", query);
      const results = inTurns({
        reading: load(reading, path),
        keeping: load(keeping, path),
        stock: load(stock, "/v0.1/servers"),
        express: load(express, "/v0.1/servers"),
        bare: load(bare, "/"),
        ...(path.includes("&cursor=") ? { first: load(reading, firstPage) } : {}),
        ...(pgbench === undefined
          ? {}
          : {
              pgbench: (time) =>
                transactionsPerSecond(pgbench, join(work, "select.sql"), statement, url, time),
            }),
      });
      for (const server of [stock, express, bare]) await server.stop();
      const row = (key, others) => [
        name,
        Math.round(median(results[key])),
        ...others.map((other) =>
          results[other] === undefined ? "" : times(pairedRatio(results[key], results[other])),
        ),
      ];
      rows.push(row("reading", ["stock", "express", "bare", "pgbench"]));
      keptRows.push(row("keeping", ["reading", "stock", "bare"]));
      if (results.first !== undefined) deepOverFirst = pairedRatio(results.reading, results.first);
    }
    const loaded = [reading, keeping].map(({ pid }) => Math.round(highWaterMark(pid) / 1024));
    return [
      `## The API with ${versions.toLocaleString("en")} versions`,
      "",
      `${connections} connections, ${seconds} s each, ${repeats} interleaved rounds after a warm-up. The load comes from the machine whose cores the servers and PostgreSQL use as well, so only the ratios say something. The documents are made after those of a public registry: median ${median(sizes)} bytes, mean ${Math.round(sizes.reduce((sum, size) => sum + size) / sizes.length)}, largest ${Math.max(...sizes)}.`,
      "",
      "Every answer read from the database (`RESPONSE_CACHE_MB=0`). The columns on the right: Headgate's requests per second as a multiple. All of them send the same SELECT but stock Express, which asks for the same rows with their columns as they are.",
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
      "As it comes: answers are kept, and sent again when PostgreSQL says that no transaction has ended since. Nobody writes here.",
      "",
      ...table(["", "requests/s", "× every answer read", "× stock Express", "× bare node:http"], keptRows),
      "",
      "The same while somebody commits a transaction, waits, and commits the next:",
      "",
      ...(await compareWhileWriting({ url, reading, keeping })),
      "",
      ...(await comparePoolSizes(start)),
      "",
      `Peak memory of the API: ${Math.round(idle / 1024)} MB idle; after the load ${loaded[1]} MB, and ${loaded[0]} MB where every answer was read.`,
      ...notMeasured(pgbench === undefined ? ["pgbench"] : []),
    ];
  } finally {
    await reading.stop();
    await keeping.stop();
  }
}

const program = "dist/programs/server.cjs";
const keepsNothing = { RESPONSE_CACHE_MB: "0" };

/** Measures a server with this path. */
const load =
  ({ port }, path) =>
  (time) =>
    requestsPerSecond(`http://127.0.0.1:${port}${path}`, time);

/** What each contestant reached, one round after the other, after a second that does not count. */
function inTurns(contestants) {
  const results = Object.fromEntries(Object.keys(contestants).map((key) => [key, []]));
  for (const measure of Object.values(contestants)) measure(1);
  for (let round = 0; round < repeats; round++)
    for (const [key, measure] of Object.entries(contestants)) results[key].push(measure(seconds));
  return results;
}

/** What keeping answers brings while they often do not hold any more: each transaction may have changed them. */
async function compareWhileWriting({ url, reading, keeping }) {
  const columns = [];
  for (const pause of pauses) {
    const writer = spawn(
      process.execPath,
      [join(import.meta.dirname, "..", "support", "writer.mjs"), pause],
      {
        env: { ...process.env, DATABASE_URL: url },
        stdio: "ignore",
      },
    );
    try {
      columns.push(
        shortAndLong.map(([, path]) => {
          const results = inTurns({ reading: load(reading, path), keeping: load(keeping, path) });
          return times(pairedRatio(results.keeping, results.reading));
        }),
      );
    } finally {
      writer.kill();
    }
  }
  return table(
    ["requests/s, × every answer read, by the writer's pause", ...pauses.map((pause) => `${pause} ms`)],
    shortAndLong.map(([name], index) => [name, ...columns.map((column) => column[index])]),
  );
}

/** What more connections of one process bring. */
async function comparePoolSizes(start) {
  const servers = [];
  for (const size of poolSizes)
    servers.push([size, await start(program, { ...keepsNothing, DATABASE_POOL_SIZE: String(size) })]);
  const rows = shortAndLong.map(([name, path]) => {
    const results = inTurns(Object.fromEntries(servers.map(([size, server]) => [size, load(server, path)])));
    return [name, ...poolSizes.map((size) => times(pairedRatio(results[size], results[10])))];
  });
  for (const [, server] of servers) await server.stop();
  return table(["requests/s by DATABASE_POOL_SIZE, as a multiple of the default's", ...poolSizes], rows);
}

const latestPath = `/v0.1/servers/${encodeURIComponent(serverName(777))}/versions/latest`;

/** A long answer and a short one. */
const shortAndLong = [
  ["`GET /servers?limit=30`", firstPage],
  ["`GET /servers/…/versions/latest`", latestPath],
];

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
