import { spawn } from "node:child_process";
import { join } from "node:path";
import { interleave, median, pairedRatio, runProcess } from "../support/measure.mjs";
import { makeFloorCheck, makeFloorServer } from "../support/floor.mjs";
import { findTools } from "../support/peers.mjs";
import { isReady } from "../support/http.mjs";
import { findProgram } from "../support/postgres.mjs";
import { ms, table, times } from "../support/report.mjs";

const root = join(import.meta.dirname, "..", "..");

/** From the start of a container's command to the first 200 of /ready, with nothing pending. */
export async function measureStart({ work, databases, rounds, freePort }) {
  const { here } = findTools();
  const tool = (name) => here.find((candidate) => candidate.name === name);
  const migrations = Array.from({ length: 10 }, (_, index) => ({ sql: `CREATE TABLE t${index} (id int);` }));
  const prepare = async (name) => {
    const folder = join(work, `start-${name}`);
    tool(name).write(folder, migrations);
    const url = await databases.create(`start_${name.toLowerCase().replaceAll("-", "_")}`);
    const [words, env] = tool(name).up(folder, url);
    const { code, output } = await runProcess(words, env);
    if (code !== 0) throw new Error(output);
    return { folder, url, words };
  };
  const ours = await prepare("Headgate");
  const stock = await prepare("node-pg-migrate");
  const quote = (words) => words.map((word) => `'${word}'`).join(" ");
  const wait =
    findProgram("pg_isready") === undefined
      ? ""
      : 'until pg_isready -q -d "$DATABASE_URL"; do sleep 1; done; ';
  const node = process.execPath;
  const floorCheck = await makeFloorCheck(work, ours.url);
  const floorServer = await makeFloorServer(work, ours.url, await freePort());
  const contestants = {
    "bare node:http": (port) => [
      [node, "-e", `require("node:http").createServer((q, s) => s.end("ok")).listen(${port})`],
      {},
    ],
    "Headgate's entrypoint": (port) => [
      [join(root, "docker-entrypoint.sh")],
      {
        PATH: `${join(node, "..")}:${process.env.PATH}`,
        DATABASE_URL: ours.url,
        MIGRATIONS_DIR: ours.folder,
        PORT: port,
        OPERATIONS_PORT: 0,
      },
    ],
    "two processes that only connect (see below)": (port) => [
      ["sh", "-c", `${wait}${quote(floorCheck)} && exec ${quote(floorServer)}`],
      { DATABASE_URL: ours.url, PORT: port },
    ],
    "stock chain (node-pg-migrate up, then Express)": (port) => [
      [
        "sh",
        "-c",
        `${wait}${quote(stock.words)} && exec '${node}' '${join(root, "bench", "stock", "server.mjs")}'`,
      ],
      { DATABASE_URL: stock.url, PORT: port },
    ],
  };
  const results = await interleave(
    Object.fromEntries(
      Object.entries(contestants).map(([name, command]) => [
        name,
        async () => await untilReady(command(await freePort())),
      ]),
    ),
    rounds,
  );
  const [bare, , , chain] = Object.values(results);
  return [
    "## From start to the first 200, nothing pending",
    "",
    `Medians of ${rounds} interleaved rounds.`,
    "",
    ...table(
      ["", "ms", "× bare node:http", "× stock chain"],
      Object.entries(results).map(([name, values]) => [
        name,
        ms(median(values)),
        times(pairedRatio(values, bare)),
        times(pairedRatio(values, chain)),
      ]),
    ),
    "",
    "Two processes that only connect: pg_isready, then one query, then Express and a pool, bundled as our programs are. Nothing that is one process for the schema and another for the service can be faster.",
  ];
}

async function untilReady([[file, ...args], env]) {
  const started = performance.now();
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let errors = "";
  child.stderr.on("data", (chunk) => (errors = (errors + chunk).slice(-2000)));
  const closed = new Promise((resolve) => child.once("close", resolve));
  try {
    while (!(await isReady(env.PORT ?? Number(/listen\((\d+)\)/.exec(args.join(" "))?.[1])))) {
      if (child.exitCode !== null) throw new Error(`${file} has ended:\n${errors}`);
      if (performance.now() - started > 30_000)
        throw new Error(`${file} is not ready after 30 s:\n${errors}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return performance.now() - started;
  } finally {
    try {
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // It has ended, and the error above says with what.
    }
    await closed;
  }
}
