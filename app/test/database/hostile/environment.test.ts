import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterFolder } from "../../../../scripts/embedded-postgres/data-directory.ts";
import { startCluster, type Cluster } from "../../../../scripts/embedded-postgres/cluster.ts";
import { findFreePort } from "../../support/free-port.ts";
import { itUnless } from "../../support/it-unless.ts";
import { maintain, urlOf } from "../../support/test-database.ts";
import { waitForCondition } from "../../support/wait-for-condition.ts";
import { base, names, threeFiles, type HostileCase } from "./hostile-case.ts";
import { migrate, performAll, withDeadline, withScene, writeFiles } from "./perform.ts";

const deadline = 20_000;
const shortWait = { WAIT_TIMEOUT: "300ms" };
const secret = "s3cret-w0rd";

/** `up` at `url`, with a folder that has one file in it. */
async function upAt(
  url: string,
  env: Readonly<Record<string, string>> = {},
  argv: readonly string[] = ["up", "--yes"],
): Promise<{ code: number | undefined; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-hostile-"));
  try {
    writeFiles(folder, { "000001_base.up.sql": base });
    return await withDeadline(
      "migrate up",
      deadline,
      migrate({ database: { url }, folder }, argv, { ...shortWait, ...env }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A server that is no PostgreSQL, for the time of `work`. */
async function withServer(
  answer: (socket: Socket) => void,
  work: (port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    answer(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  try {
    await work((server.address() as { port: number }).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

function changed(url: string, change: (url: URL) => void): string {
  const copy = new URL(url);
  change(copy);
  return copy.href;
}

describe("a database that is not what was hoped for", () => {
  it("is not reachable: exit 4 with host, port and reason, and no password", async () => {
    const port = await findFreePort();
    const { code, output } = await upAt(`postgres://app:${secret}@127.0.0.1:${port}/app`);
    expect(output).toContain(
      `PostgreSQL at 127.0.0.1:${port} was not ready within 0.3 s: nothing listens there (ECONNREFUSED).`,
    );
    expect(output).not.toContain(secret);
    expect(code).toBe(4);
  });

  it("takes the connection and never says a word: exit 4, no hanging", async () => {
    await withServer(
      () => undefined,
      async (port) => {
        const { code, output } = await upAt(`postgres://app:${secret}@127.0.0.1:${port}/app`);
        expect(output).toContain(`PostgreSQL at 127.0.0.1:${port} was not ready within 0.3 s: `);
        expect(code).toBe(4);
      },
    );
  });

  it("is something else that answers: exit 4, no hanging and no stack", async () => {
    await withServer(
      (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      async (port) => {
        const { code, output } = await upAt(`postgres://app:${secret}@127.0.0.1:${port}/app`);
        expect(output).toContain(`PostgreSQL at 127.0.0.1:${port} was not ready within 0.3 s: `);
        expect(output).not.toContain("    at ");
        expect(code).toBe(4);
      },
    );
  });

  // Waiting would not help, so it is said at once.
  it.each([
    [
      "an unknown database",
      (url: URL) => void (url.pathname = "/no_such_database"),
      'database "no_such_database" does not exist [3D000]',
    ],
    ["a wrong password", (url: URL) => void (url.password = secret), "[28P01]: the password is wrong"],
    [
      "an unknown role",
      (url: URL) => void ((url.username = "no_such_role"), (url.password = secret)),
      "[28P01]: the password is wrong, or the role does not exist",
    ],
  ])("refuses %s: exit 8 at once", async (_, change, says) => {
    const { code, output } = await upAt(changed(urlOf("postgres"), change), { WAIT_TIMEOUT: "1h" });
    expect(output).toContain(says);
    expect(output).not.toContain(secret);
    expect(code).toBe(8);
  });
});

const cases: HostileCase[] = [
  {
    title: "sessions only read unless they say otherwise",
    files: threeFiles("CREATE TABLE a1 (id integer);\n"),
    acts: [
      {
        act: "first",
        prepare: async ({ database }) =>
          void (await database.query(
            `ALTER DATABASE ${database.name} SET default_transaction_read_only = on`,
          )),
        exit: 8,
        says: ["only reads in database", "default_transaction_read_only is on"],
        neverSays: ["    at "],
        applied: "no table",
      },
      {
        act: "repaired",
        prepare: async ({ database }) =>
          maintain((query) => query(`ALTER DATABASE ${database.name} RESET default_transaction_read_only`)),
        exit: 0,
      },
    ],
  },
  {
    title: "ten processes at once on an empty database: each migration runs once, and all succeed",
    files: threeFiles("CREATE TABLE a1 (id integer);\n"),
    acts: [
      {
        act: "together",
        prepare: async (scene) => {
          const others = await Promise.all(
            Array.from({ length: 10 }, () => migrate(scene, undefined, undefined, "process")),
          );
          expect(others.map(({ code, output }) => (code === 0 ? "" : output)).join("")).toBe("");
        },
        exit: 0,
        says: ["Nothing is pending"],
        applied: [names.base, names.case, names.after],
        runs: [names.base, names.case, names.after].map((name) => `${name} up applied`),
      },
    ],
  },
];

performAll("a database that is not what was hoped for", cases);

describe("a server of its own", () => {
  const folder = join(mkdtempSync(join(tmpdir(), "headgate-hostile-server-")), "pg");
  let cluster: Cluster;
  const start = async (): Promise<void> => {
    cluster = await startCluster({
      folder,
      durable: false,
      settings: { max_connections: "10", max_locks_per_transaction: "10" },
    });
  };
  beforeAll(start);
  afterAll(async () => {
    await cluster.stop();
    rmSync(join(folder, ".."), { recursive: true });
  });

  it("runs out of lock slots: exit 6 and the advice to split", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000002_case.up.sql":
          "DO $$ BEGIN FOR i IN 1..20000 LOOP EXECUTE format('CREATE TABLE t%s ()', i); END LOOP; END $$;\n",
      });
      const { code, output } = await withDeadline(
        "migrate up",
        deadline,
        migrate({ database: cluster, folder: scene.folder }),
      );
      expect(output).toContain("53200: out of shared memory");
      expect(output).toContain('HINT: You might need to increase "max_locks_per_transaction".');
      expect(output).toContain("split the migration into smaller ones");
      expect(code).toBe(6);
    });
  });

  it("is a standby: exit 4 with that reason, and status can still be read", async () => {
    await cluster.stop();
    writeFileSync(join(clusterFolder(folder).data, "standby.signal"), "");
    await start();
    const up = await upAt(cluster.url);
    expect(up.output).toContain(
      "the server is a read-only standby, or still recovering; migrations need the primary",
    );
    expect(up.code).toBe(4);
    const status = await upAt(cluster.url, {}, ["status"]);
    expect(status.output).toContain("1 pending");
    expect(status.code).toBe(0);
  });
});

const pgbouncer = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"].find((path) =>
  existsSync(path),
);

describe("PgBouncer in transaction mode", () => {
  let running: ChildProcess | undefined;
  const folder = mkdtempSync(join(tmpdir(), "headgate-hostile-pooler-"));
  afterAll(async () => {
    const ended = new Promise((resolve) =>
      running === undefined ? resolve(undefined) : running.once("close", resolve),
    );
    running?.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true });
  });

  itUnless(pgbouncer === undefined ? "pgbouncer is not installed" : undefined)(
    "is refused with exit 8, since session locks mean nothing there",
    async () => {
      await withScene(async ({ database, folder: migrations }) => {
        const port = await findFreePort();
        const { host, port: serverPort, user, password } = database.address;
        writeFileSync(
          join(folder, "pgbouncer.ini"),
          `[databases]
${database.name} = host=${host} port=${serverPort} user=${user} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
ignore_startup_parameters = extra_float_digits,options
`,
          { mode: 0o644 },
        );
        chmodSync(folder, 0o755);
        running = spawn(pgbouncer!, [join(folder, "pgbouncer.ini")], {
          stdio: "ignore",
          ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
        });
        await waitForCondition("PgBouncer", () => canConnect(port));
        writeFiles(migrations, { "000001_base.up.sql": base });
        const url = changed(database.url, (address) => void (address.port = String(port)));
        const { code, output } = await withDeadline(
          "migrate up",
          deadline,
          migrate({ database: { url }, folder: migrations }),
        );
        expect(output).toContain("is a connection pooler that gives each transaction another backend");
        expect(output).toContain("MIGRATE_DATABASE_URL");
        expect(code).toBe(8);
        expect(await database.query("SELECT to_regclass('base') IS NULL AS untouched")).toEqual([
          { untouched: true },
        ]);
      });
    },
  );
});

async function canConnect(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
