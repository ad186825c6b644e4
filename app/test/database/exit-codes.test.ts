import { existsSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { runMigrate } from "../../../scripts/migrate/run.ts";
import { ledgerTables } from "../../migrate/ledger-tables.ts";
import { lockKey } from "../../migrate/lock.ts";
import { projectRoot } from "../../version.ts";
import { itUnless } from "../support/it-unless.ts";
import { assertAnswer } from "../support/answer-schemas.ts";
import { findFreePort } from "../support/free-port.ts";
import { runProgram, startProgram, type ProgramEnd } from "../support/run-program.ts";
import { withTestSession } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import type { Files, Scene } from "./hostile/hostile-case.ts";
import { withScene, writeFiles } from "./hostile/perform.ts";

const two = {
  "000001_one.up.sql": "CREATE TABLE one (id int);",
  "000001_one.down.sql": "DROP TABLE one;",
  "000002_two.up.sql": "CREATE TABLE two (id int);",
  "000002_two.down.sql": "DROP TABLE two;",
};

/** Every command that asks the database, with what it needs to be understood. */
const asking: readonly (readonly string[])[] = [
  ["up", "--yes"],
  ["up", "--dry-run"],
  ["down", "-n", "1", "--yes"],
  ["redo", "--yes"],
  ["status"],
  ["check"],
  ["pending"],
  ["current"],
  ["history"],
  ["deferred", "--yes"],
  ["baseline", "2", "--yes"],
  ["plan"],
  ["sql"],
  ["lint", "--online"],
  ["verify"],
  ["repair", "--yes"],
  ["reset", "--confirm", "--yes"],
  ["info"],
  ["wait"],
];

/** Those that change something, each with something to do where one migration is applied, one deferred, one edited. */
const changing: readonly (readonly string[])[] = [
  ["up", "--yes"],
  ["down", "-n", "1", "--yes"],
  ["redo", "--yes"],
  ["baseline", "2", "--yes"],
  ["reset", "--confirm", "--yes"],
];

type Env = Readonly<Record<string, string>>;

/** Runs the real program with `--json`: its answer is held against the schema by `runProgram`. */
async function run(scene: Scene, argv: readonly string[], env: Env = {}): Promise<ProgramEnd> {
  return await runProgram("migrate", { args: [...argv, "--json"], env: { ...environmentOf(scene), ...env } });
}

function environmentOf({ database, folder }: Scene): Env {
  return { DATABASE_URL: database.url, MIGRATIONS_DIR: folder, LOG_FORMAT: "json", WAIT_TIMEOUT: "10s" };
}

/** The exit code of each of these commands; those that change nothing run four at a time. */
async function codesOf(
  scene: Scene,
  commands: readonly (readonly string[])[],
  env: Env = {},
  changesNothing = false,
): Promise<Record<string, number | undefined>> {
  const codes: Record<string, number | undefined> = {};
  const width = changesNothing ? 4 : 1;
  for (let from = 0; from < commands.length; from += width) {
    const ends = commands.slice(from, from + width).map(async (argv) => {
      codes[argv.join(" ")] = (await run(scene, argv, env)).code;
    });
    await Promise.all(ends);
  }
  return codes;
}

function all(commands: readonly (readonly string[])[], code: number): Record<string, number> {
  return Object.fromEntries(commands.map((argv) => [argv.join(" "), code]));
}

/** Says no on a terminal. A real one takes more than Node has; the program only asks its streams whether they are. */
async function decline(scene: Scene, argv: readonly string[]): Promise<unknown> {
  const onTerminal = <T extends PassThrough>(stream: T): T => Object.assign(stream, { isTTY: true });
  const [stdin, stdout, stderr] = [onTerminal(new PassThrough()), new PassThrough(), new PassThrough()];
  onTerminal(stderr).resume();
  stdin.write("n\n");
  let answer = "";
  stdout.setEncoding("utf8").on("data", (text: string) => (answer += text));
  const signal = new AbortController().signal;
  const env = environmentOf(scene);
  const code = await runMigrate([...argv, "--json"], { env, stdin, stdout, stderr, signal });
  assertAnswer([...argv, "--json"], code, answer);
  return { code, outcome: (JSON.parse(answer) as { outcome?: string }).outcome };
}

async function withFiles(files: Files, work: (scene: Scene) => Promise<void>): Promise<void> {
  await withScene(async (scene) => {
    writeFiles(scene.folder, files);
    await work(scene);
  });
}

function urlWith(scene: Scene, change: (url: URL) => void): Env {
  const url = new URL(scene.database.url);
  change(url);
  return { DATABASE_URL: url.href };
}

describe("exit code 0", () => {
  it("is done, or nothing to do, of every command", async () => {
    await withFiles(two, async (scene) => {
      const commands = [
        ["check", "--offline"],
        ["completion", "bash"],
        ...asking.filter(([name]) => name !== "down"),
        ["down", "-n", "0", "--yes"],
        ["down", "-n", "0", "--yes"],
        ["create", "later"],
      ];
      expect(await codesOf(scene, commands)).toEqual(all(commands, 0));
    });
  });

  it("is also that of a reader who has seen enough: migrate status | head -1 ends quietly", async () => {
    await withFiles(two, async (scene) => {
      const answer = startProgram("migrate", { args: ["up", "--yes"], env: environmentOf(scene) });
      answer.child.stdout?.destroy();
      expect(await answer.ended).toMatchObject({ code: 0, stdout: "" });
      const status = startProgram("migrate", { args: ["status"], env: environmentOf(scene) });
      status.child.stdout?.destroy();
      expect(await status.ended).toMatchObject({ code: 0, stdout: "", stderr: "" });
      expect((await run(scene, ["check"])).code).toBe(0);
    });
  });

  it("is also that of a run whose log nobody reads", async () => {
    await withFiles(two, async (scene) => {
      const up = startProgram("migrate", { args: ["up", "--yes"], env: environmentOf(scene) });
      up.child.stderr?.destroy();
      expect(await up.ended).toMatchObject({ code: 0 });
      expect((await run(scene, ["check"])).code).toBe(0);
    });
  });
});

describe("exit code 1", () => {
  it("is a bug: an error that nothing expects, such as that of a ledger somebody has changed the types of", async () => {
    await withFiles(two, async (scene) => {
      expect((await run(scene, ["up", "--yes"])).code).toBe(0);
      await scene.database.query(
        "ALTER TABLE schema_migration_runs ALTER COLUMN statements_done DROP DEFAULT, ALTER COLUMN statements_done TYPE text",
      );
      const { code, stdout, stderr } = await run(scene, ["status"]);
      expect({ code, answer: JSON.parse(stdout) as unknown, hasStack: stderr.includes("at ") }).toEqual({
        code: 1,
        answer: {
          error: {
            code: "internal",
            message: "an unexpected error; see the log",
            exitCode: 1,
            details: {},
          },
        },
        hasStack: true,
      });
    });
  });

  const full = "/dev/full";
  const withoutFull = existsSync(full) ? undefined : `there is no ${full} here`;
  itUnless(withoutFull)("is an answer that could not be written; what was migrated stays", async () => {
    await withFiles(two, async (scene) => {
      const program = join(projectRoot, "dist", "scripts", "migrate.js");
      const intoFull = async (...argv: string[]): Promise<ProgramEnd> =>
        await runProgram("/bin/sh", {
          args: ["-c", `exec "$0" "$@" > ${full}`, process.execPath, program, ...argv],
          env: environmentOf(scene),
        });
      expect(await intoFull("up", "--yes")).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /^The answer could not be written to stdout: .*ENOSPC.* What was done stays done; `migrate status` shows it\.$/m,
        ),
      });
      expect((await run(scene, ["check"])).code).toBe(0);
      // What failed for another reason keeps its own code.
      expect((await intoFull("down", "--yes")).code).toBe(2);
    });
  });
});

describe("exit code 2", () => {
  it.each([
    ["an unknown command", ["upp"]],
    ["an unknown flag", ["up", "--yess"]],
    ["a flag without its value", ["up", "--to"]],
    ["a value that is no number", ["up", "-n", "some"]],
    ["an argument where none belongs", ["status", "now"]],
    ["down without how far", ["down", "--yes"]],
    ["a version that is not there", ["up", "--to", "99", "--yes"]],
    ["a version to baseline that is not there", ["baseline", "99", "--yes"]],
    ["a tool nobody knows", ["baseline", "--adopt", "liquibase", "--yes"]],
    ["a version to plan up to that is not there", ["plan", "--to", "99"]],
    ["a version to verify up to that is not there", ["verify", "--to", "99"]],
    ["a script down without how far", ["sql", "--down"]],
    ["a file to judge that is none", ["lint", "nothing"]],
    ["a severity that is none", ["lint", "--fail-on", "style"]],
    ["a reset that is not confirmed", ["reset", "--yes"]],
    ["a second argument where one belongs", ["repair", "1", "2", "--yes"]],
    ["nothing to repair by that name", ["repair", "99", "--yes"]],
    ["a state that is none", ["repair", "--as", "well"]],
    ["a name that cannot be one", ["create", "x; y"]],
    ["a shell nobody knows", ["completion", "csh"]],
    ["no terminal to ask on", ["up"]],
  ])("is usage: %s", async (_what, argv) => {
    await withFiles(two, async (scene) => {
      expect((await run(scene, argv)).code).toBe(2);
      expect(await scene.database.query("SELECT to_regclass('schema_migrations') AS ledger")).toEqual([
        { ledger: null },
      ]);
    });
  });

  it("is configuration: a reset in production, no database, a value that is none, no folder of migrations", async () => {
    await withFiles(two, async (scene) => {
      const reset = ["reset", "--confirm", "--yes"];
      expect((await run(scene, reset, { APP_ENV: "production" })).code).toBe(2);
      for (const env of [{ DATABASE_URL: "" }, { MIGRATE_LOCK_WAIT: "soon" }, { MIGRATIONS_DIR: "/nowhere" }])
        expect([env, (await run(scene, ["up", "--yes"], env)).code]).toEqual([env, 2]);
    });
  });
});

describe("exit code 3", () => {
  it("is also that of somebody who was asked and said no; the answer says declined, and nothing was touched", async () => {
    await withFiles(
      { ...two, "000003_later.up.sql": "-- migrate: deferred\nCREATE TABLE later (id int);" },
      async (scene) => {
        expect((await run(scene, ["up", "--yes", "-n", "1"])).code).toBe(0);
        const before = await scene.database.query("SELECT id FROM schema_migration_runs");
        for (const argv of [
          ["up"],
          ["down", "-n", "1"],
          ["redo"],
          ["deferred"],
          ["baseline", "2"],
          ["reset", "--confirm"],
        ]) {
          expect([argv, await decline(scene, argv)]).toEqual([argv, { code: 3, outcome: "declined" }]);
        }
        writeFiles(scene.folder, { "000001_one.up.sql": "CREATE TABLE one (id int); -- edited" });
        expect(await decline(scene, ["repair"])).toEqual({ code: 3, outcome: "declined" });
        expect(await scene.database.query("SELECT id FROM schema_migration_runs")).toEqual(before);
      },
    );
  });

  it("is the answer no: migrations are pending, something was found", async () => {
    const files = {
      ...two,
      "000002_two.up.sql": "ALTER TABLE one RENAME TO two;",
      "000002_two.down.sql": "SELECT 1;",
      "000003_code.js": "export const up = () => {};",
    };
    await withFiles(files, async (scene) => {
      const commands = [["check"], ["pending"], ["plan", "--exit-code"], ["sql"], ["lint"], ["verify"]];
      expect(await codesOf(scene, commands)).toEqual(all(commands, 3));
    });
  });
});

describe("exit code 4", () => {
  it("is a database that cannot be reached, of every command that asks it", async () => {
    await withFiles(two, async (scene) => {
      const port = await findFreePort();
      const env = { ...urlWith(scene, (url) => (url.port = String(port))), WAIT_TIMEOUT: "500ms" };
      expect(await codesOf(scene, asking, env, true)).toEqual(all(asking, 4));
    });
  });
});

describe("exit code 5", () => {
  it("is the lock of a holder that is stuck, of every command that changes something", async () => {
    await withFiles(
      { ...two, "000003_later.up.sql": "-- migrate: deferred\nCREATE TABLE later (id int);" },
      async (scene) => {
        expect((await run(scene, ["up", "--yes", "-n", "1"])).code).toBe(0);
        const { address } = scene.database;
        const tables = ledgerTables({ migrationsSchema: "public", migrationsTable: "schema_migrations" });
        await withTestSession(address, async ({ client }) => {
          await client.query("SELECT pg_advisory_lock($1)", [lockKey(address.database, tables).toString()]);
          const env = { MIGRATE_LOCK_WAIT: "500ms" };
          const commands = [...changing, ["deferred", "--yes"]];
          expect(await codesOf(scene, commands, env, true)).toEqual(all(commands, 5));
          writeFiles(scene.folder, { "000001_one.up.sql": "CREATE TABLE one (id int); -- edited" });
          expect((await run(scene, ["repair", "--yes"], env)).code).toBe(5);
          const { code, stdout } = await run(scene, ["info"]);
          expect({ code, info: JSON.parse(stdout) as unknown }).toMatchObject({
            code: 0,
            info: { lock: { applicationName: expect.stringContaining("headgate test") }, waiters: 0 },
          });
        });
      },
    );
  });
});

describe("exit code 6", () => {
  it("is a migration that fails: on the way up, down, again, and deferred", async () => {
    await withFiles({ ...two, "000002_two.down.sql": "DROP TABLE nothing;" }, async (scene) => {
      expect((await run(scene, ["up", "--yes"])).code).toBe(0);
      writeFiles(scene.folder, {
        "000003_bad.up.sql": "SELECT * FROM nowhere;",
        "000004_later.up.sql": "-- migrate: deferred\nSELECT * FROM nowhere;",
      });
      const commands = [
        ["up", "--yes"],
        ["down", "-n", "1", "--yes"],
        ["redo", "--yes"],
        ["deferred", "--yes"],
      ];
      expect(await codesOf(scene, commands)).toEqual(all(commands, 6));
    });
  });
});

describe("exit code 7", () => {
  it("is a history that disagrees with the files", async () => {
    await withFiles(two, async (scene) => {
      expect((await run(scene, ["up", "--yes", "-n", "1"])).code).toBe(0);
      writeFiles(scene.folder, { "000001_one.up.sql": "CREATE TABLE one (id int, note text);" });
      const commands = [["up", "--yes"], ["up", "--dry-run"], ["check"], ["deferred", "--yes"]];
      expect(await codesOf(scene, commands)).toEqual(all(commands, 7));
      // What only looks shows it, and does its job.
      expect((await run(scene, ["status"])).code).toBe(0);
    });
  });

  it("is files that cannot be used, of every command that reads them", async () => {
    await withFiles({ ...two, "000002_again.up.sql": "SELECT 1;" }, async (scene) => {
      const withoutFiles = new Set(["history", "info", "wait"]);
      const reading = asking.filter(([name]) => !withoutFiles.has(name!));
      const commands = [...reading, ["create", "later"], ["check", "--offline"]];
      expect(await codesOf(scene, commands, {}, true)).toEqual(all(commands, 7));
    });
  });

  it("is another tool's table where ours must be", async () => {
    await withFiles(two, async (scene) => {
      await scene.database.query("CREATE TABLE schema_migrations (version bigint, dirty boolean)");
      expect(await codesOf(scene, [["up", "--yes"], ["status"]])).toEqual({ "up --yes": 7, status: 7 });
    });
  });
});

describe("exit code 8", () => {
  it.each<[string, (url: URL) => void, typeof asking]>([
    ["a wrong password", (url) => (url.password = "wrong"), asking],
    ["a role that is not there", (url) => (url.username = "nobody_of_that_name"), asking.slice(0, 1)],
    ["a database that is not there", (url) => (url.pathname = "/no_such_database"), asking.slice(0, 1)],
  ])("is a server that refuses us, at once: %s", async (_what, change, commands) => {
    await withFiles(two, async (scene) => {
      const env = { ...urlWith(scene, change), WAIT_TIMEOUT: "10min" };
      expect(await codesOf(scene, commands, env, true)).toEqual(all(commands, 8));
    });
  });

  it("is a role that may not change what the command changes", async () => {
    await withFiles(two, async (scene) => {
      expect((await run(scene, ["up", "--yes", "-n", "1"])).code).toBe(0);
      const role = `reads_${scene.database.name}`;
      await scene.database.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'reads'; GRANT SELECT ON schema_migrations, schema_migration_runs TO ${role}`,
      );
      try {
        const env = urlWith(scene, (url) => ([url.username, url.password] = [role, "reads"]));
        expect(await codesOf(scene, changing, env)).toEqual(all(changing, 8));
      } finally {
        await scene.database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    });
  });
});

describe("exit code 9", () => {
  it("is an image without a breaking migration that is applied, or without any where that is refused", async () => {
    const breaking = "-- migrate: breaking\nCREATE TABLE two (id int);";
    await withFiles({ ...two, "000002_two.up.sql": breaking }, async (newer) => {
      expect((await run(newer, ["up", "--yes"])).code).toBe(0);
      const { "000002_two.up.sql": _up, "000002_two.down.sql": _down, ...older } = two;
      await withFiles(older, async ({ folder }) => {
        const scene = { folder, database: newer.database };
        const commands = [["up", "--yes"], ["up", "--dry-run"], ["check"], ["deferred", "--yes"]];
        expect(await codesOf(scene, commands)).toEqual(all(commands, 9));
        expect((await run(scene, ["status"])).code).toBe(0);
        await newer.database.query("UPDATE schema_migration_runs SET directives = '{}'");
        expect((await run(scene, ["up", "--yes"])).code).toBe(0);
        expect((await run(scene, ["up", "--yes"], { MIGRATE_SCHEMA_AHEAD: "refuse" })).code).toBe(9);
      });
    });
  });
});

describe.each([
  ["143", "SIGTERM", 143],
  ["130", "SIGINT", 130],
] as const)("exit code %s", (_code, signal, code) => {
  it(`is ${signal} while a migration runs; it is rolled back`, async () => {
    await withFiles({ "000001_long.up.sql": "CREATE TABLE long (); SELECT pg_sleep(600)" }, async (scene) => {
      const up = startProgram("migrate", { args: ["up", "--yes", "--json"], env: environmentOf(scene) });
      await waitForCondition("the migration to run", async () => {
        const [row] = await scene.database.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
        );
        return row;
      });
      up.kill(signal);
      const end = await up.ended;
      expect({ ...end, answer: JSON.parse(end.stdout) as unknown }).toMatchObject({
        code,
        answer: { error: { code: "interrupted", exitCode: code } },
      });
      expect(await scene.database.query("SELECT to_regclass('long') AS long")).toEqual([{ long: null }]);
    });
  });

  it(`is ${signal} while it waits for the server, of every command that does`, async () => {
    await withFiles(two, async (scene) => {
      const port = await findFreePort();
      const env = { ...environmentOf(scene), ...urlWith(scene, (url) => (url.port = String(port))) };
      const ends = await Promise.all(
        [["up", "--yes"], ["wait"], ["status"]].map(async (argv) => {
          const waiting = startProgram("migrate", {
            args: [...argv, "--json"],
            env: { ...env, WAIT_TIMEOUT: "10min" },
          });
          await waiting.waitForOutput("ECONNREFUSED");
          waiting.kill(signal);
          return (await waiting.ended).code;
        }),
      );
      expect(ends).toEqual([code, code, code]);
    });
  });
});
