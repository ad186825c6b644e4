import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { findFreePort } from "../../app/test/support/free-port.ts";
import { copyProject, type ProjectCopy } from "../../app/test/support/project-copy.ts";
import { startProgram, type RunningProgram } from "../../app/test/support/run-program.ts";
import { configOf, withTestSession } from "../../app/test/support/test-database.ts";
import { waitForCondition } from "../../app/test/support/wait-for-condition.ts";
import { waitForHttp } from "../../app/test/support/wait-for-http.ts";
import { startCluster } from "../embedded-postgres/cluster.ts";
import { findPortProblem } from "../embedded-postgres/free-port.ts";
import { findRunningServer, isAlive } from "../embedded-postgres/running-postmaster.ts";

/** Making a data folder, starting PostgreSQL and migrating take a few seconds, more on a busy machine. */
const patience = { timeout: 50_000 };

let project: ProjectCopy;
let ports: { readonly PORT: string; readonly OPERATIONS_PORT: string };

beforeAll(() => {
  project = copyProject();
});

beforeEach(async () => {
  ports = { PORT: String(await findFreePort()), OPERATIONS_PORT: String(await findFreePort()) };
});

afterEach(async () => {
  // The program is killed by now, if it still ran; its guard stops PostgreSQL.
  await waitForCondition("the end of PostgreSQL", () => server() === undefined);
  for (const name of [".data", ".env"]) rmSync(project.path(name), { recursive: true, force: true });
});

afterAll(() => project.remove());

function start(env: Readonly<Record<string, string>> = {}, prefix: readonly string[] = []): RunningProgram {
  return startProgram("/usr/bin/env", {
    args: [...prefix, process.execPath, project.path("dist", "scripts", "start.js")],
    cwd: project.root,
    env: { ...ports, ...env },
  });
}

async function startReady(env: Readonly<Record<string, string>> = {}): Promise<RunningProgram> {
  const program = start(env);
  await program.waitForOutput("Headgate is ready.", patience);
  return program;
}

/** PostgreSQL's process id. */
function server(): number | undefined {
  return findRunningServer(project.path(".data", "postgres", "data"));
}

async function query(text: string): Promise<unknown[]> {
  const url = readFileSync(project.path(".data", "database-url"), "utf8").trim();
  return withTestSession(
    configOf(url).database,
    async ({ client }) => (await client.query<object>(text)).rows,
  );
}

describe("npm start where no database is configured", () => {
  it("serves on a PostgreSQL of its own, ends with everything on TERM, and has the data again next time", async () => {
    const first = await startReady();
    await waitForHttp(`http://127.0.0.1:${ports.PORT}/ready`);
    expect(first.stderr()).toContain(`API         http://localhost:${ports.PORT}/v0.1/servers`);
    expect(first.stderr()).toContain(`curl 'http://localhost:${ports.PORT}/v0.1/servers?limit=2'`);
    expect(statSync(project.path(".data", "database-url")).mode & 0o777).toBe(0o600);
    await query("CREATE TABLE kept AS SELECT 42 AS n");

    first.kill("SIGTERM");
    await expect(first.ended).resolves.toMatchObject({ code: 0 });
    expect(server()).toBeUndefined();
    expect(existsSync(project.path(".data", "database-url"))).toBe(false);

    const second = await startReady();
    await expect(query("SELECT n FROM kept")).resolves.toEqual([{ n: 42 }]);
    second.kill("SIGINT");
    await expect(second.ended).resolves.toMatchObject({ code: 0 });
  });

  it("leaves neither PostgreSQL nor the API behind when it is killed with kill -9", async () => {
    const program = await startReady();
    expect(server()).toBeGreaterThan(0);
    program.kill("SIGKILL");
    await waitForCondition("the end of PostgreSQL", () => server() === undefined);
    await expect(
      waitForCondition("a free port", async () => (await findPortProblem(Number(ports.PORT))) === undefined),
    ).resolves.toBe(true);
  });

  it("ends with 130 on Ctrl-C before it serves", async () => {
    const program = start();
    await program.waitForOutput("starting the embedded PostgreSQL", patience);
    program.kill("SIGINT");
    await expect(program.ended).resolves.toMatchObject({ code: 130, stdout: "" });
  });

  it("says so and ends with 2 when its PostgreSQL ends under it", async () => {
    const program = await startReady();
    process.kill(server() as number, "SIGKILL");
    const end = await program.ended;
    expect(end.stderr).toContain("PostgreSQL ended by itself; its log is ");
    expect(end.code).toBe(2);
  });
});

describe("npm start refuses, with a sentence and exit code 2,", () => {
  let busy: Server | undefined;
  afterEach(() => void busy?.close());

  it("a port that is in use, before it makes anything", async () => {
    busy = createServer();
    await new Promise<void>((resolve) => busy?.listen(Number(ports.PORT), "127.0.0.1", resolve));
    const end = await start().ended;
    expect(end).toMatchObject({ code: 2, stdout: "" });
    expect(end.stderr).toMatch(
      new RegExp(`^Port ${ports.PORT} \\(PORT\\) is in use by another program\\. .*PORT=\\d+ npm start\\n$`),
    );
    expect(existsSync(project.path(".data"))).toBe(false);
  });

  it("a second run in the same folder", async () => {
    const first = await startReady();
    const end = await start().ended;
    expect(end.stderr).toContain(`Another run (process ${first.pid}) is using the data`);
    expect(end.code).toBe(2);
    expect(isAlive(server() as number)).toBe(true);
  });

  it("a setting that is wrong, before it makes anything", async () => {
    const end = await start({ PORT: "many" }).ended;
    expect(end).toMatchObject({ code: 2, stderr: expect.stringContaining("PORT") });
    expect(existsSync(project.path(".data"))).toBe(false);
  });

  it("a project folder that it may not write to", async () => {
    chmodSync(project.root, 0o555);
    const asNobody = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : [];
    const end = await start({}, asNobody).ended;
    chmodSync(project.root, 0o755);
    expect(end.stderr).toContain(`${project.path(".data", "postgres")} cannot be written to`);
    expect(end.code).toBe(2);
  });
});

describe("npm start where a database is configured", () => {
  it("uses that one and starts none", async () => {
    const cluster = await startCluster({
      folder: `${project.root} configured`,
      temporary: true,
      durable: false,
    });
    try {
      writeFileSync(project.path(".env"), `DATABASE_URL=${cluster.url}\n`);
      const program = await startReady();
      expect(existsSync(project.path(".data"))).toBe(false);
      program.kill("SIGTERM");
      await expect(program.ended).resolves.toMatchObject({ code: 0 });
    } finally {
      await cluster.stop();
    }
  });
});

(process.getuid?.() === 0 ? describe : describe.skip)(
  "npm start as root in a folder that is closed to everybody else",
  () => {
    let closed: ProjectCopy;
    beforeAll(() => {
      closed = copyProject({ ownPostgres: true });
      chmodSync(closed.root, 0o700);
    });
    afterAll(() => closed.remove());

    it("runs PostgreSQL as another user all the same", async () => {
      const before = project;
      project = closed;
      try {
        const program = await startReady();
        await expect(query("SELECT 1 AS one")).resolves.toEqual([{ one: 1 }]);
        expect(statSync(`/proc/${server()}`).uid).not.toBe(0);
        program.kill("SIGTERM");
        await expect(program.ended).resolves.toMatchObject({ code: 0 });
      } finally {
        project = before;
      }
    });
  },
);
