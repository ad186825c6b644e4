import { afterEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { projectRoot } from "../../app/version.ts";
import { startProgram, type RunningProgram } from "../../app/test/support/run-program.ts";
import { waitForCondition } from "../../app/test/support/wait-for-condition.ts";
import { withTestSession } from "../../app/test/support/test-database.ts";
import { startCluster, type Cluster, type ClusterOptions } from "./cluster.ts";
import { clusterFolder } from "./data-directory.ts";
import { findRunningServer, isAlive, readPidFile } from "./running-postmaster.ts";

const isRoot = process.getuid?.() === 0;
const clusters: Cluster[] = [];
const folders: string[] = [];

afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that other users may enter, which mkdtemp's are not. */
function createFolder(mode = 0o755): string {
  const folder = mkdtempSync(join(tmpdir(), "headgate cluster "));
  chmodSync(folder, mode);
  folders.push(folder);
  return folder;
}

/** As `startCluster`, stopped at the end of the test. What it is about is not the disk. */
async function start(options: ClusterOptions): Promise<Cluster> {
  const cluster = await startCluster({ durable: false, ...options });
  clusters.push(cluster);
  return cluster;
}

/** Another process that owns a cluster in `folder`, and writes its server's process id when it is there. */
function startOwner(
  folder: string,
  options: Omit<ClusterOptions, "folder"> = {},
  prefix: readonly string[] = [],
): RunningProgram {
  const module = pathToFileURL(join(projectRoot, "dist", "scripts", "embedded-postgres", "cluster.js")).href;
  const code = `
    const { startCluster } = await import(${JSON.stringify(module)});
    const cluster = await startCluster(${JSON.stringify({ folder, durable: false, ...options })});
    console.log("server " + cluster.pid);
  `;
  const command = [...prefix, process.execPath, "--input-type=module", "--eval", code];
  return startProgram("/usr/bin/env", { args: command });
}

async function serverOf(owner: RunningProgram): Promise<number> {
  await owner.waitForOutput(/server \d+\n/);
  return Number(/server (\d+)/.exec(owner.stdout())?.[1]);
}

async function untilGone(pid: number): Promise<true> {
  return waitForCondition(`the end of process ${pid}`, () => !isAlive(pid) || isZombie(pid));
}

/** Ended, and its parent has not asked yet. */
function isZombie(pid: number): boolean {
  return process.platform === "linux" && /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

async function select(cluster: Cluster, text: string): Promise<unknown[]> {
  return withTestSession(cluster.address, async ({ client }) => (await client.query<object>(text)).rows);
}

describe("an embedded cluster", () => {
  it("sorts text by code point in UTF-8 on every machine, takes settings, and asks for a password", async () => {
    const settings = { max_connections: "7" };
    const cluster = await start({ folder: join(createFolder(), "pg"), temporary: true, settings });
    await expect(select(cluster, "SHOW max_connections")).resolves.toEqual([settings]);
    await expect(
      select(
        cluster,
        "SELECT datlocprovider AS provider, datlocale AS locale, pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = 'template1'",
      ),
    ).resolves.toEqual([{ provider: "b", locale: "C.UTF-8", encoding: "UTF8" }]);
    const stranger = { ...cluster.address, password: "guessed" };
    await expect(withTestSession(stranger, async () => undefined)).rejects.toMatchObject({ code: "28P01" });
  });

  it("is reached from this machine alone, and keeps its password to its owner", async () => {
    const folder = join(createFolder(), "pg");
    const cluster = await start({ folder, temporary: true });
    const outer = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === "IPv4" && !one.internal);
    expect(outer !== undefined && (await canConnect(outer.address, cluster.port))).toBe(false);
    await expect(canConnect("127.0.0.1", cluster.port)).resolves.toBe(true);
    expect(statSync(clusterFolder(folder).passwordFile).mode & 0o777).toBe(0o600);
    if (process.platform !== "linux") return;
    const commandLines = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(readCommandLine);
    const password = readFileSync(clusterFolder(folder).passwordFile, "utf8").trim();
    expect(password).toHaveLength(32);
    expect(commandLines.filter((line) => line.includes(password))).toEqual([]);
  });

  it("keeps its data from one start to the next", async () => {
    const folder = join(createFolder(), "pg");
    const first = await start({ folder });
    await select(first, "CREATE TABLE kept AS SELECT 42 AS n");
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await start({ folder });
    await expect(select(second, "SELECT n FROM kept")).resolves.toEqual([{ n: 42 }]);
  });

  it("leaves nothing when it was temporary", async () => {
    const parent = createFolder();
    const cluster = await start({ folder: join(parent, "pg"), temporary: true });
    await cluster.stop();
    expect(readdirSync(parent)).toEqual([]);
  });

  it("tells when its server ends by itself", async () => {
    const cluster = await start({ folder: join(createFolder(), "pg"), temporary: true });
    expect(cluster.hasEnded()).toBe(false);
    process.kill(cluster.pid, "SIGKILL");
    await expect(cluster.ended).resolves.toBe(137);
    expect(cluster.hasEnded()).toBe(true);
  });

  it("can be called off while it starts", async () => {
    const parent = createFolder();
    await expect(
      startCluster({ folder: join(parent, "pg"), abort: AbortSignal.timeout(100) }),
    ).rejects.toMatchObject({
      code: "interrupted",
    });
    expect(readdirSync(parent)).toEqual([]);
  });
});

describe("when the owner of a cluster is killed with kill -9", () => {
  it("the server ends too, and temporary data goes", async () => {
    const parent = createFolder(); // which the server's user may not write to, when we are root
    const owner = startOwner(join(parent, "pg"), { temporary: true });
    const server = await serverOf(owner);
    expect(isAlive(server)).toBe(true);
    owner.kill("SIGKILL");
    await untilGone(server);
    await expect(waitForCondition("an empty folder", () => readdirSync(parent).length === 0)).resolves.toBe(
      true,
    );
  });

  it("data that is kept is shut down cleanly, and the next start has it at once", async () => {
    const folder = join(createFolder(), "pg");
    const owner = startOwner(folder);
    const server = await serverOf(owner);
    owner.kill("SIGKILL");
    const next = await start({ folder });
    expect(isAlive(server) && !isZombie(server)).toBe(false);
    expect(readFileSync(next.logFile, "utf8")).toContain("database system was shut down at");
  });

  it("while it makes the data folder, the next start makes it anew", async () => {
    const parent = createFolder();
    const owner = startOwner(join(parent, "pg"));
    await waitForCondition("a half-made folder", () =>
      readdirSync(parent).some((name) => name.startsWith("pg.new-")),
    );
    owner.kill("SIGKILL");
    await owner.ended;
    const next = await start({ folder: join(parent, "pg") });
    await expect(select(next, "SELECT 1 AS one")).resolves.toEqual([{ one: 1 }]);
    expect(readdirSync(parent)).toEqual(["pg"]);
  });
});

describe("a data folder that seems to be in use", () => {
  it("is refused while another run has it, naming that run", async () => {
    const folder = join(createFolder(), "pg");
    const owner = startOwner(folder);
    const server = await serverOf(owner);
    await expect(startCluster({ folder })).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringContaining(`Another run (process ${owner.pid}) is using the data`),
    });
    expect(isAlive(server)).toBe(true);
  });

  it("is taken over from a server whose owner and guard are gone", async () => {
    const folder = join(createFolder(), "pg");
    const owner = startOwner(folder);
    const server = await serverOf(owner);
    const guards = descendantsOf(owner.pid).filter((pid) => readCommandLine(pid).includes("headgate-guard"));
    expect(guards).toHaveLength(2);
    for (const guard of guards) process.kill(Number(guard), "SIGKILL");
    owner.kill("SIGKILL");
    await owner.ended;
    expect(isAlive(server)).toBe(true);
    const next = await start({ folder });
    expect(isAlive(server) && !isZombie(server)).toBe(false);
    expect(findRunningServer(clusterFolder(folder).data)).toBe(next.pid);
  });

  it("is used when its pid file names a process that is no PostgreSQL, which is left alone", async () => {
    const folder = join(createFolder(), "pg");
    const first = await start({ folder });
    const file = join(clusterFolder(folder).data, "postmaster.pid");
    const stale = readFileSync(file, "utf8");
    await first.stop();
    const stranger = startProgram("/bin/sh", { args: ["-c", "echo up; sleep 600"] });
    await stranger.waitForOutput("up");
    writeFileSync(file, stale.replace(/^\d+/, String(stranger.pid)));
    const second = await start({ folder });
    expect(readPidFile(clusterFolder(folder).data)?.pid).toBe(second.pid);
    expect(isAlive(stranger.pid)).toBe(true);
  });
});

describe("a machine that does not let it run", () => {
  it("is told by a sentence when a file is where the folder should be", async () => {
    const parent = createFolder();
    writeFileSync(join(parent, "file"), "");
    await expect(startCluster({ folder: join(parent, "file", "pg") })).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringContaining("something else is in the way"),
    });
  });

  it("is told by a sentence when the folder cannot be written to", async () => {
    const parent = createFolder(0o555);
    const end = await startOwner(
      join(parent, "pg"),
      {},
      isRoot ? ["setpriv", "--reuid=65534", "--clear-groups"] : [],
    ).ended;
    expect(end.stderr).toContain(`${join(parent, "pg")} cannot be written to`);
    expect(end.code).toBe(1); // of this test's program, which does not catch it
  });

  it("is told by a sentence when the data is of another PostgreSQL", async () => {
    const folder = join(createFolder(), "pg");
    mkdirSync(clusterFolder(folder).data, { recursive: true });
    writeFileSync(join(clusterFolder(folder).data, "PG_VERSION"), "12\n");
    await expect(startCluster({ folder })).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringContaining(`${folder} was made by PostgreSQL 12`),
    });
  });

  it("is told what the server said when it does not start", async () => {
    const folder = join(createFolder(), "pg");
    await expect(
      startCluster({ folder, temporary: true, settings: { shared_buffers: "many" } }),
    ).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringContaining('invalid value for parameter "shared_buffers"'),
    });
    rmSync(folder, { recursive: true, force: true });
  });
});

(isRoot ? describe : describe.skip)("as root", () => {
  it("runs the server as another user, also below a folder that is closed to that user", async () => {
    const closed = createFolder(0o700);
    const cluster = await start({ folder: join(closed, "deeper", "pg") });
    expect(statSync(`/proc/${cluster.pid}`).uid).not.toBe(0);
    await select(cluster, "CREATE TABLE t AS SELECT 1; CHECKPOINT");
    await cluster.stop();
    const second = await start({ folder: join(closed, "deeper", "pg"), temporary: true });
    await expect(select(second, "TABLE t")).resolves.toHaveLength(1);
    await second.stop();
    expect(existsSync(join(closed, "deeper", "pg"))).toBe(false);
  });

  it("takes over data that was copied by root", async () => {
    const folder = join(createFolder(), "pg");
    await (await start({ folder })).stop();
    execFileSync("chown", ["-R", "0:0", folder]);
    const cluster = await start({ folder });
    expect(statSync(`/proc/${cluster.pid}`).uid).not.toBe(0);
  });
});

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const answer = (value: boolean) => (): void => {
      socket.destroy();
      resolve(value);
    };
    socket.once("connect", answer(true)).once("error", answer(false)).once("timeout", answer(false));
  });
}

function readCommandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // ended meanwhile
  }
}

function descendantsOf(pid: number): string[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  const children = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent]) => parent === String(pid));
  return children.flatMap(([child]) => [child as string, ...descendantsOf(Number(child))]);
}
