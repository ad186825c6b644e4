import { closeSync, openSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseAddress } from "../../app/config/settings.ts";
import { AppError } from "../../app/errors.ts";
import { findBinaries } from "./binaries.ts";
import {
  clusterFolder,
  makeDataDirectory,
  reach,
  readPassword,
  serverEnvironment,
  superuser,
  type ClusterFolder,
  type MakeOptions,
} from "./data-directory.ts";
import { explainServerFailure, explainWriteFailure } from "./explain-failure.ts";
import { findFreePort, findPortProblem } from "./free-port.ts";
import { startGuarded, type GuardedProcess } from "./guarded-process.ts";
import { readPidFile, settleEarlierRun } from "./running-postmaster.ts";
import { findServerUser } from "./server-user.ts";

export interface ClusterOptions {
  /** Everything of this PostgreSQL is kept here; made on first use. */
  readonly folder: string;
  /** A free one unless given. */
  readonly port?: number;
  /** Settings of PostgreSQL, `{max_connections: "300"}`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** `false`: nobody misses this data after a power failure; nothing waits for the disk. */
  readonly durable?: boolean;
  /** Nobody keeps this data: it is stopped at once instead of cleanly, and `folder` is removed after that. */
  readonly temporary?: boolean;
  /** Gives up starting, and stops what it had started. */
  readonly abort?: AbortSignal;
}

export interface Cluster {
  readonly port: number;
  /** Of the superuser, in the database `postgres`. */
  readonly address: DatabaseAddress;
  /** The same as a URL. It holds the password. */
  readonly url: string;
  /** What the server writes. */
  readonly logFile: string;
  /** The server's process id. */
  readonly pid: number;
  /** Resolves when the server has ended, whoever ended it. */
  readonly ended: Promise<unknown>;
  hasEnded(): boolean;
  /** Stops the server, and resolves when it is gone; `atOnce` makes that like a crash, from which it recovers. */
  stop(options?: { readonly atOnce?: AbortSignal }): Promise<void>;
  /** This process may end without stopping it: the guard then does. */
  release(): void;
}

/** How often a server is started that somebody else keeps from starting. */
const attempts = 4;

/**
 * A PostgreSQL of our own, on 127.0.0.1 only, that ends with this process, however this process ends.
 *
 * @throws AppError `configuration` when this machine does not let it run, `interrupted` after `abort`
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const make: MakeOptions = {
    binaries: findBinaries(),
    user: findServerUser(clusterFolder(options.folder).data),
    noSync: options.durable === false,
    ...(options.abort === undefined ? {} : { abort: options.abort }),
  };
  await makeDataDirectory(options.folder, make);
  const place = clusterFolder(realpathSync(options.folder));
  for (let attempt = 1; ; attempt++) {
    await settleEarlierRun(place.data);
    const port = options.port ?? (await findFreePort());
    const server = await startServer(place, port, options, make);
    if (await isReady(server, place, options.abort)) return describe(server, port, place, options);
    // Somebody else may have started it in the same moment.
    await settleEarlierRun(place.data);
    if (attempt === attempts || !(await mayPass(port, place.logFile))) {
      throw explainServerFailure(
        `PostgreSQL did not start; its log is ${place.logFile}.`,
        place.logFile,
        place.folder,
      );
    }
    await sleep(100 * attempt);
  }
}

/** Whether a failed start is worth another try: somebody took the port, or a killed server is not quite gone. */
async function mayPass(port: number, logFile: string): Promise<boolean> {
  if ((await findPortProblem(port, "127.0.0.1")) !== undefined) return true;
  return readFileSync(logFile, "utf8").includes("pre-existing shared memory block");
}

async function startServer(
  place: ClusterFolder,
  port: number,
  { settings = {}, temporary = false, durable = true }: ClusterOptions,
  make: MakeOptions,
): Promise<GuardedProcess> {
  const log = openLog(place);
  const assignments = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    ...(durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
    ...settings,
  };
  try {
    return await startGuarded({
      command: [
        make.binaries.postgres,
        "-D",
        place.data,
        "-p",
        String(port),
        ...Object.entries(assignments).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      env: serverEnvironment(),
      launch: reach(make, place.folder, temporary),
      output: { stdout: log, stderr: log },
      // INT is PostgreSQL's fast shutdown, QUIT its immediate one, which is like a crash.
      stop: { signal: temporary ? "QUIT" : "INT", hard: "QUIT", graceSeconds: 60 },
      ...(temporary ? { removeFolder: place.folder } : {}),
    });
  } finally {
    closeSync(log);
  }
}

/** The log of this start; the one before is not kept. */
function openLog({ folder, logFile }: ClusterFolder): number {
  try {
    return openSync(logFile, "w", 0o600);
  } catch (error) {
    throw explainWriteFailure(error, folder);
  }
}

/** Whether the server says that it accepts connections; false: it ended. */
async function isReady(server: GuardedProcess, place: ClusterFolder, abort?: AbortSignal): Promise<boolean> {
  while (!server.hasEnded()) {
    if (abort?.aborted) {
      await server.stop();
      throw new AppError("interrupted", "Stopped while PostgreSQL was starting.");
    }
    const file = readPidFile(place.data);
    if (file?.pid === server.pid && file.status === "ready") return true;
    await sleep(10);
  }
  return false;
}

function describe(
  server: GuardedProcess,
  port: number,
  place: ClusterFolder,
  options: ClusterOptions,
): Cluster {
  const password = readPassword(place);
  return {
    port,
    address: {
      host: "127.0.0.1",
      port,
      database: "postgres",
      user: superuser,
      password,
      sslmode: "disable",
      sslRootCert: undefined,
      tlsServerName: undefined,
      options: undefined,
    },
    url: databaseUrl(port, password, "postgres"),
    logFile: place.logFile,
    pid: server.pid,
    ended: server.ended,
    hasEnded: () => server.hasEnded(),
    stop: async ({ atOnce } = {}) => {
      if (atOnce?.aborted) server.signal("QUIT");
      atOnce?.addEventListener("abort", () => server.signal("QUIT"));
      await server.stop();
      // The guard does that too; here for a server that had ended by itself before.
      if (options.temporary) rmSync(place.folder, { recursive: true, force: true });
    },
    release: () => server.release(),
  };
}

function databaseUrl(port: number, password: string, database: string): string {
  return `postgres://${superuser}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}?sslmode=disable`;
}
