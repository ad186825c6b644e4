import { access, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../version.ts";
import { findFreePort } from "../support/free-port.ts";
import {
  runProgram,
  startProgram,
  type ProgramEnd,
  type ProgramOptions,
  type RunningProgram,
} from "../support/run-program.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

const entrypoint = "docker-entrypoint.sh";
/** A second, and as much again for a machine that is busy with other tests. */
const soon = 2000;
const patiently = { timeout: 45_000 };
let folder: string;
let migrations: string;
let database: TestDatabase;
let ports: { PORT: string; OPERATIONS_PORT: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "headgate-entrypoint-"));
  migrations = join(folder, "migrations");
  await mkdir(migrations);
  await writeFile(join(migrations, "000001_create_thing.up.sql"), "CREATE TABLE thing ();\n");
  await writeFile(join(migrations, "000001_create_thing.down.sql"), "DROP TABLE thing;\n");
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  database = await createTestDatabase();
  ports = { PORT: String(await findFreePort()), OPERATIONS_PORT: String(await findFreePort()) };
});
afterEach(async () => {
  await database.drop();
});

function optionsWith(
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[] = [],
): ProgramOptions {
  return { args, env: { DATABASE_URL: database.url, MIGRATIONS_DIR: migrations, ...ports, ...env } };
}

const start = (env = {}, ...args: string[]): RunningProgram =>
  startProgram(entrypoint, optionsWith(env, args));
const run = (env = {}, ...args: string[]): Promise<ProgramEnd> =>
  runProgram(entrypoint, optionsWith(env, args));

/** Sends a signal and says how it ended, and after how many milliseconds. */
async function end(program: RunningProgram, signal: NodeJS.Signals): Promise<ProgramEnd & { after: number }> {
  const sent = Date.now();
  program.kill(signal);
  return { ...(await program.ended), after: Date.now() - sent };
}

/** An address at which nobody listens. */
const nowhere = async (): Promise<string> => `postgres://nobody:x@127.0.0.1:${await findFreePort()}/none`;

const isApplied = async (): Promise<unknown> =>
  (await database.query("SELECT to_regclass('thing') IS NOT NULL AS applied"))[0]?.["applied"];

describe("docker-entrypoint.sh serve", () => {
  it.each([[[]], [["serve"]], [["--log-level", "info"]], [["serve", "--log-level", "info"]]])(
    "migrates and then serves when its words are %j",
    async (words) => {
      const program = start({}, ...words);
      await program.waitForOutput("API listening", patiently);
      expect(await isApplied()).toBe(true);
      expect((await fetch(`http://127.0.0.1:${ports.PORT}/ready`)).status).toBe(200);
      expect(await end(program, "SIGTERM")).toMatchObject({ code: 0 });
    },
  );

  it("becomes the server, without the migration credentials", async () => {
    const program = start({ MIGRATE_DATABASE_URL: database.url });
    await program.waitForOutput("API listening", patiently);
    const read = (name: string): Promise<string> => readFile(`/proc/${program.pid}/${name}`, "utf8");
    expect((await read("cmdline")).split("\0")).toEqual([
      "node",
      join(projectRoot, "dist/programs/server.cjs"),
      "",
    ]);
    const environment = (await read("environ")).split("\0").map((line) => line.split("=")[0]);
    expect(environment).toContain("DATABASE_URL");
    expect(environment.filter((name) => name?.startsWith("MIGRATE_D"))).toEqual([]);
  });

  it.each([[["serve", "--"]], [["--"]], [["serve", "--log-level", "info", "--"]]])(
    "migrates and then becomes the command after %j, without the migration credentials",
    async (words) => {
      const script = 'printf "%s|" "$$" "$DATABASE_URL" "${MIGRATE_DATABASE_URL-none}" "$@"; exit 7';
      const command = ["bash", "-c", script, "name", "two words", "--flag"];
      const env = { MIGRATE_DATABASE_URL: database.url };
      const program = start(env, ...words, ...command);
      const { code, stdout } = await program.ended;
      expect(stdout).toBe(`${program.pid}|${database.url}|none|two words|--flag|`);
      expect(code).toBe(7);
      expect(await isApplied()).toBe(true);
    },
  );

  it("starts with MIGRATE_ON_START=off whatever is pending", async () => {
    const program = start({ MIGRATE_ON_START: "off" });
    await program.waitForOutput("API listening", patiently);
    expect(await isApplied()).toBe(false);
  });

  it("refuses to start with MIGRATE_ON_START=check while a migration is pending", async () => {
    const ended = await run({ MIGRATE_ON_START: "check" });
    expect(ended.code).toBe(3);
    expect(ended.stdout + ended.stderr).toContain("000001_create_thing");
    expect(ended.stdout).not.toContain("listening");
    expect(await isApplied()).toBe(false);
  });

  it("works from any folder, through a link", async () => {
    const link = join(folder, "start");
    await symlink(join(projectRoot, entrypoint), link);
    const program = startProgram(link, { ...optionsWith({}), cwd: "/" });
    await program.waitForOutput("API listening", patiently);
    expect(await isApplied()).toBe(true);
  });

  it("logs in JSON while it waits when nobody looks at a terminal", async () => {
    const program = start({ DATABASE_URL: await nowhere() });
    await program.waitForOutput(/waiting.*\n/i);
    const waiting = program
      .stderr()
      .split("\n")
      .find((line) => /waiting/i.test(line));
    expect(JSON.parse(waiting ?? "")).toMatchObject({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      message: expect.stringContaining("127.0.0.1"),
    });
  });

  describe("passes on the status of what stopped it", () => {
    it("2 for a wrong setting, with its name", async () => {
      const ended = await run({ MIGRATE_ON_START: "perhaps" });
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain("MIGRATE_ON_START");
    });

    it("4 when PostgreSQL does not answer in time, with its address", async () => {
      const url = await nowhere();
      const ended = await run({ DATABASE_URL: url, WAIT_TIMEOUT: "1s" });
      expect(ended.code).toBe(4);
      expect(ended.stderr).toContain(`127.0.0.1:${new URL(url).port}`);
    });

    it("6 when a migration fails", async () => {
      const broken = await mkdtemp(join(folder, "broken-"));
      await writeFile(join(broken, "000001_create_thing.up.sql"), "CREATE TABLE thing (;\n");
      const ended = await run({ MIGRATIONS_DIR: broken });
      expect(ended.code).toBe(6);
      expect(ended.stdout).not.toContain("listening");
    });

    it("8 for a wrong database", async () => {
      const ended = await run({ DATABASE_URL: database.url.replace(database.name, "no_such_database") });
      expect(ended.code).toBe(8);
      expect(ended.stderr).toContain("no_such_database");
    });
  });

  describe.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("%s", (signal, code) => {
    it(`ends it with ${code} within a second while it waits for PostgreSQL`, async () => {
      const program = start({ DATABASE_URL: await nowhere() });
      await program.waitForOutput(/waiting/i);
      const ended = await end(program, signal);
      expect(ended.code).toBe(code);
      expect(ended.after).toBeLessThan(soon);
    });

    it(`ends it with ${code} within a second while it migrates, and the migration is undone`, async () => {
      const slow = await mkdtemp(join(folder, "slow-"));
      await writeFile(
        join(slow, "000001_create_thing.up.sql"),
        "CREATE TABLE thing ();\nSELECT pg_sleep(60);\n",
      );
      const program = start({ MIGRATIONS_DIR: slow });
      await waitForCondition("the migration to sleep", async () => {
        const sleeping = await database.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
        );
        return sleeping.length === 1;
      });
      const ended = await end(program, signal);
      expect(ended.code).toBe(code);
      expect(ended.after).toBeLessThan(soon);
      expect(ended.stdout).not.toContain("listening");
      expect(await isApplied()).toBe(false);
    });

    it("ends the server with 0 once it serves", async () => {
      const program = start();
      await program.waitForOutput("API listening", patiently);
      expect(await end(program, signal)).toMatchObject({ code: 0 });
    });
  });
});

describe("docker-entrypoint.sh on a machine without pg_isready", () => {
  let path: string;

  beforeAll(async () => {
    // Nothing on the PATH but what a bare system has.
    path = join(folder, "bin");
    await mkdir(path);
    const tools = ["bash", "dirname", "readlink", "date", "sleep", "env"];
    for (const tool of tools) await symlink(await findProgram(tool), join(path, tool));
    await symlink(process.execPath, join(path, "node"));
  });

  it.each(["up", "check", "off"])(
    "leaves the wait to the program when MIGRATE_ON_START=%s",
    async (onStart) => {
      const env = {
        PATH: path,
        DATABASE_URL: await nowhere(),
        WAIT_TIMEOUT: "1s",
        MIGRATE_ON_START: onStart,
      };
      const ended = await run(env);
      expect(ended.code).toBe(4);
      expect(ended.stderr).not.toContain("pg_isready");
    },
  );

  it("migrates and serves", async () => {
    const program = start({ PATH: path });
    await program.waitForOutput("API listening", patiently);
    expect(await isApplied()).toBe(true);
  });
});

describe("docker-entrypoint.sh with other words", () => {
  it("is the migrate command after the word migrate", async () => {
    const ended = await run({}, "migrate", "current");
    expect(ended.code).toBe(0);
    expect(await isApplied()).toBe(false);
  });

  it("is the migrate command under that name", async () => {
    const link = join(folder, "migrate");
    await symlink(join(projectRoot, entrypoint), link);
    const ended = await runProgram(link, optionsWith({}, ["up", "--yes"]));
    expect(ended.code).toBe(0);
    expect(await isApplied()).toBe(true);
  });

  it("runs any other command as it is", async () => {
    const ended = await run({}, "bash", "-c", 'printf "%s\\n" "$0" "$@"; exit 7', "a  b", "");
    expect(ended).toMatchObject({ code: 7, stdout: "a  b\n\n" });
  });

  it("refuses a HEADGATE_RUN that it does not know", async () => {
    const ended = await run({ HEADGATE_RUN: "bin" }, "migrate");
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('HEADGATE_RUN must be dist, source or watch, not \\"bin\\".');
  });
});

async function findProgram(name: string): Promise<string> {
  for (const candidate of (process.env["PATH"] ?? "").split(delimiter).map((part) => join(part, name))) {
    const exists = await access(candidate).then(
      () => true,
      () => false,
    );
    if (exists) return candidate;
  }
  throw new Error(`no ${name} on the PATH`);
}

describe("the program behind the entrypoint", () => {
  it.each(["reset", "down", "toString", ""])("runs no %j, whoever writes that to it", async (name) => {
    const { code, stderr } = await runProgram("entrypoint", { ...optionsWith({}), input: `${name}\n` });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`There is no phase "${name}".`),
    });
  });
});
