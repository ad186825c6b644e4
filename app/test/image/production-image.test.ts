import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForCondition } from "../support/wait-for-condition.ts";
import {
  hardening,
  runImage,
  startImage,
  startPostgres,
  stopAndRemove,
  waitForLog,
  withDatabase,
  type Postgres,
} from "./support/containers.ts";
import { docker, productionImage, tryDocker } from "./support/run.ts";

let postgres: Postgres;
const started: string[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
});
afterEach(async () => {
  for (const name of started.splice(0)) await tryDocker("rm", "--force", "--volumes", name);
});
afterAll(async () => {
  await postgres.remove();
});

async function start(options: readonly string[], ...command: string[]): Promise<string> {
  const name = await startImage(options, ...command);
  started.push(name);
  return name;
}

describe("the production image", () => {
  it("runs as an ordinary user, given as a number", async () => {
    expect(await docker("inspect", "--format", "{{.Config.User}}", productionImage())).toBe("1000:1000");
    expect((await runImage([], "id", "--user")).stdout).toBe("1000\n");
  });

  it("carries the revision it was built from", async () => {
    const label = '{{index .Config.Labels "org.opencontainers.image.revision"}}';
    expect(await docker("inspect", "--format", label, productionImage())).toBe("0123abc");
    expect((await runImage([], "printenv", "HEADGATE_REVISION")).stdout).toBe("0123abc\n");
  });

  it("holds no development dependency, no source, no secret, and nothing that its user could change", async () => {
    const { stdout } = await runImage([], "bash", "-c", "ls -A /app /app/node_modules; find /app -writable");
    const names = stdout.split("\n");
    expect(names).toContain("migrations");
    expect(names).toContain("express");
    for (const name of ["typescript", "jest", "app", ".env", ".git", ".npmrc", "/app"]) {
      expect(names).not.toContain(name);
    }
  });

  it("has pg_isready, migrate and registry on the PATH", async () => {
    const { stdout } = await runImage([], "bash", "-c", "type -P pg_isready migrate registry; pg_isready -V");
    expect(stdout).toMatch(
      /^\/usr\/local\/bin\/pg_isready\n\/usr\/local\/bin\/migrate\n\/usr\/local\/bin\/registry\npg_isready \(PostgreSQL\)/,
    );
  });

  it("judges migrations with a read-only root, no capability and no network", async () => {
    const folder = await mkdtemp(join(tmpdir(), "headgate-image-"));
    try {
      await chmod(folder, 0o755);
      await writeFile(join(folder, "000001_make_index.up.sql"), "CREATE INDEX i ON a (b);\n");
      const mount = ["--volume", `${folder}:/app/migrations:ro`];
      const { code, stdout } = await runImage(
        [...hardening, "--network", "none", ...mount],
        "migrate",
        "lint",
      );
      expect({ code, stdout }).toEqual({
        code: 3,
        stdout: expect.stringContaining("[require-concurrent-index-creation]"),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("starts every program with code that V8 takes as it is, and that its user cannot write", async () => {
    const askV8 = `const vm = require("node:vm");
      vm.Script = class extends vm.Script {
        constructor(source, options) {
          super(source, options);
          console.log(options.filename, options.cachedData === undefined ? "none" : this.cachedDataRejected ? "refused" : "taken");
          process.exit();
        }
      };`;
    const programs = ["entrypoint", "gate", "migrate", "registry", "server"];
    const { stdout } = await runImage(
      [],
      "bash",
      "-c",
      `printf '%s' "$1" > /tmp/ask.cjs; cd dist/programs; for p in ${programs.join(" ")}; do node -r /tmp/ask.cjs $p.cjs; done; test -w . || test -w "$(echo server.*.v8)" || echo only read`,
      "bash",
      askV8,
    );
    expect(stdout.trim().split("\n")).toEqual([
      ...programs.map((name) => `/app/dist/programs/${name}.bundle.cjs taken`),
      "only read",
    ]);
  });

  it("passes on the status of any other command", async () => {
    expect((await runImage([], "bash", "-c", "exit 7")).code).toBe(7);
  });
});

describe("serving", () => {
  it("migrates and serves with a read-only root, no capability and no new privileges, and becomes healthy", async () => {
    const url = await postgres.createDatabase();
    const name = await start([...withDatabase(postgres, url), ...hardening]);
    await waitForLog(name, "API listening");
    await waitForCondition(
      "the health check",
      async () => (await docker("inspect", "--format", "{{.State.Health.Status}}", name)) === "healthy",
      { timeout: 30_000, interval: 200 },
    );
    const processes = await docker("exec", name, "bash", "-c", "tr '\\0' ' ' < /proc/1/cmdline");
    expect(processes).toBe("node /app/dist/programs/server.cjs");

    const end = await stopAndRemove(name);
    expect(end.code).toBe(0);
    expect(end.milliseconds).toBeLessThan(2000);
    expect(end.logs).not.toContain(postgres.password);
  });

  it("keeps the migration password from the server", async () => {
    const url = await postgres.createDatabase();
    const name = await start([
      ...withDatabase(postgres, url),
      ...["--env", `MIGRATE_DATABASE_URL=${url}`, "--env", "MIGRATE_ON_START=up"],
    ]);
    await waitForLog(name, "API listening");
    const environment = await docker("exec", name, "bash", "-c", "tr '\\0' '\\n' < /proc/1/environ");
    expect(environment).toContain("DATABASE_URL=");
    expect(environment).not.toContain("MIGRATE_DATABASE_URL");
  });

  it("works as a user and group that no file knows", async () => {
    const name = await start([
      ...withDatabase(postgres, await postgres.createDatabase()),
      ...hardening,
      "--user",
      "54321:54321",
    ]);
    await waitForLog(name, "API listening");
    expect((await stopAndRemove(name)).code).toBe(0);
  });
});

describe("a job", () => {
  it("migrates, and says that nothing is pending when it runs again", async () => {
    const options = [...withDatabase(postgres, await postgres.createDatabase()), ...hardening];
    expect((await runImage(options, "migrate", "up", "--yes")).code).toBe(0);
    const again = await runImage(options, "migrate", "up", "--yes");
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/nothing (is )?pending/i);
  });

  it("needs no more memory than the smallest container has", async () => {
    const limits = ["--memory", "128m", "--memory-swap", "128m"];
    const options = [...withDatabase(postgres, await postgres.createDatabase()), ...hardening, ...limits];
    expect((await runImage(options, "migrate", "up")).code).toBe(0);
  });

  it("runs somebody else's migrations from a mounted folder", async () => {
    const migrations = await mkdtemp(join(tmpdir(), "headgate-migrations-"));
    try {
      await writeFile(join(migrations, "1_create_thing.up.sql"), "CREATE TABLE thing (id int);\n");
      await writeFile(join(migrations, "1_create_thing.down.sql"), "DROP TABLE thing;\n");
      const options = [
        ...withDatabase(postgres, await postgres.createDatabase()),
        ...["--volume", `${migrations}:/app/migrations:ro`, "--user", String(process.getuid?.() ?? 1000)],
      ];
      const { code, output } = await runImage(options, "migrate", "up", "--yes");
      expect(output).toContain("1_create_thing");
      expect(code).toBe(0);
    } finally {
      await rm(migrations, { recursive: true });
    }
  });
});

describe("a start that cannot succeed", () => {
  it.each([
    ["serve", 8],
    ["migrate up --yes", 8],
  ])("%s: a wrong password is said once and ends with %i", async (command, code) => {
    const url = postgres.url.replace(postgres.password, "not-the-password");
    const end = await runImage(withDatabase(postgres, url), ...command.split(" "));
    expect(end.code).toBe(code);
    expect(
      end.output.match(/password authentication failed|wrong password|refused .*password/gi),
    ).toHaveLength(1);
    expect(end.output).not.toContain("not-the-password");
  });

  it.each(["serve", "migrate up --yes"])(
    "%s: an unknown host ends with 4 after WAIT_TIMEOUT",
    async (command) => {
      const url = "postgres://somebody:not-the-password@no-such-host:5432/headgate";
      const end = await runImage(
        [...withDatabase(postgres, url), "--env", "WAIT_TIMEOUT=2s"],
        ...command.split(" "),
      );
      expect(end.code).toBe(4);
      expect(end.output).toContain("no-such-host");
      expect(end.output).not.toContain("not-the-password");
      expect(end.milliseconds).toBeLessThan(15_000);
    },
  );

  it.each(["serve", "migrate up --yes"])("%s: a missing setting ends with 2 at once", async (command) => {
    const end = await runImage([], ...command.split(" "));
    expect(end.code).toBe(2);
    expect(end.output.match(/DATABASE_URL/g)).toHaveLength(1);
  });

  it("refuses to start while migrations are pending and it may only check", async () => {
    const end = await runImage([
      ...withDatabase(postgres, await postgres.createDatabase()),
      "--env",
      "MIGRATE_ON_START=check",
    ]);
    expect([end.code, end.output]).toEqual([3, expect.not.stringContaining("API listening")]);
  });
});
