import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForHttp } from "../support/wait-for-http.ts";
import { createProject, type Project } from "./support/compose-project.ts";
import { docker, runName, tryDocker } from "./support/run.ts";
import { runCommand, runOrThrow, type CommandEnd } from "./support/run-command.ts";

describe("docker-compose.migrate-service.yml", () => {
  let project: Project;
  const passwords: Record<string, string> = {};

  beforeAll(async () => {
    project = await createProject({
      name: "service",
      file: "docker-compose.migrate-service.yml",
      env: { HEADGATE_IMAGE: `headgate-test:${runName()}-service`, REVISION: "0123abc" },
    });
    await runOrThrow("deploy/create-secrets.sh", [], { cwd: project.folder });
    for (const name of ["postgres_password", "migrator_password", "app_password"]) {
      passwords[name] = await readFile(join(project.folder, ".secrets", name), "utf8");
    }
    await project.compose("up", "--build", "--detach");
    await waitForHttp(`${project.apiUrl}/ready`, { timeout: 60_000 });
  });
  afterAll(async () => {
    await project.remove();
  });

  /** Runs SQL as the API's role, in the API's container, with the API's own driver; its rows, or the SQLSTATE. */
  async function asApi(sql: string): Promise<unknown> {
    const program = `
      import { readFileSync } from "node:fs";
      import pg from "pg";
      const client = new pg.Client({ host: process.env.DB_HOST, database: process.env.DB_NAME, user: process.env.DB_USER,
        password: readFileSync(process.env.DB_PASSWORD_FILE, "utf8") });
      await client.connect();
      console.log(JSON.stringify(await client.query(process.argv[1]).then(({ rows }) => rows, ({ code }) => code)));
      await client.end();`;
    const words = ["exec", "-T", "app", "node", "--input-type=module", "--eval", program, sql];
    return JSON.parse(await project.compose(...words));
  }

  it("has different passwords, readable for the containers and hidden from other users of this machine", async () => {
    expect(new Set(Object.values(passwords)).size).toBe(3);
    const modes = await runOrThrow("stat", ["--format=%a", ".secrets", ".secrets/app_password"], {
      cwd: project.folder,
    });
    expect(modes).toBe("700\n444");
  });

  it("runs the migrations to their end before the API starts", async () => {
    const state = "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}";
    expect(await docker("inspect", "--format", state, await project.container("migrate"))).toBe("exited 0 0");
    const finished = await docker(
      "inspect",
      "--format",
      "{{.State.FinishedAt}}",
      await project.container("migrate"),
    );
    const begun = await docker("inspect", "--format", "{{.State.StartedAt}}", await project.container("app"));
    expect(Date.parse(begun)).toBeGreaterThanOrEqual(Date.parse(finished));
    expect((await fetch(`${project.apiUrl}/v0.1/servers`)).status).toBe(200);
  });

  it("never shows the API the password of migrations", async () => {
    const app = await project.container("app");
    const seen = await docker("exec", app, "bash", "-c", "ls /run/secrets; tr '\\0' '\\n' < /proc/1/environ");
    expect(seen).toContain("app_password");
    expect(seen).not.toContain("migrator");
    const everything = `${await docker("inspect", app)}${seen}`;
    expect(everything).not.toContain(passwords["migrator_password"]);
  });

  it("has that password in no file and no process of the API's container", async () => {
    const app = await project.container("app");
    // The text comes on standard input: as an argument it would be found in the search's own command line.
    const search = (user: string, text: string): Promise<CommandEnd> => {
      const where = "/app /run /etc /home /tmp /var /proc/[0-9]*/environ /proc/[0-9]*/cmdline";
      const script = `grep --recursive --devices=skip --no-messages --text --files-with-matches -F -f - ${where}`;
      return runCommand("docker", ["exec", "--interactive", "--user", user, app, "bash", "-c", script], {
        input: passwords[text]!,
      });
    };
    for (const user of ["0:0", "1000:1000"]) {
      expect((await search(user, "app_password")).stdout).toContain("/run/secrets/app_password");
      expect((await search(user, "migrator_password")).stdout).toBe("");
      expect((await search(user, "postgres_password")).stdout).toBe("");
    }
  });

  it("limits memory, processors and processes of both containers", async () => {
    const limits = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}";
    for (const service of ["migrate", "app"]) {
      expect(await docker("inspect", "--format", limits, await project.container(service))).toBe(
        "536870912 1000000000 100",
      );
    }
  });

  it("answers 3 to the API's role where nothing was ever migrated, as long as it may look", async () => {
    const superuser = [
      "exec",
      "-T",
      "postgres",
      "psql",
      "--username=postgres",
      "--dbname=headgate",
      "--quiet",
    ];
    await project.compose(...superuser, "--command", "CREATE DATABASE empty");
    const check = ["exec", "-T", "--env", "DB_NAME=empty", "app", "migrate", "check"];
    expect((await project.tryCompose(...check)).code).toBe(3);
  });

  it("gives the API's role rows to read and write, and no table to change", async () => {
    expect(await asApi("SELECT count(*)::int AS servers FROM server")).toEqual([{ servers: 0 }]);
    expect(await asApi("INSERT INTO server (name) VALUES ('a.b/c')")).toEqual([]);
    expect(await asApi("DELETE FROM server WHERE name = 'a.b/c'")).toEqual([]);
    const insufficientPrivilege = "42501";
    for (const sql of [
      "CREATE TABLE mine ()",
      "ALTER TABLE server ADD COLUMN mine int",
      "DROP TABLE server",
      "TRUNCATE server CASCADE",
      "CREATE SCHEMA mine",
    ]) {
      expect([sql, await asApi(sql)]).toEqual([sql, insufficientPrivilege]);
    }
  });

  it("lets the API's role read the ledger and not write it", async () => {
    expect(await asApi("SELECT count(*) > 0 AS found FROM migrations.schema_migrations")).toEqual([
      { found: true },
    ]);
    expect(await asApi("SELECT count(*) > 0 AS found FROM migrations.schema_migration_runs")).toEqual([
      { found: true },
    ]);
    expect(await asApi("DELETE FROM migrations.schema_migrations")).toBe("42501");
    expect(await project.compose("exec", "-T", "app", "migrate", "status")).toMatch(/000004\s+\S+\s+applied/);
    expect((await project.tryCompose("exec", "-T", "app", "migrate", "check")).code).toBe(0);
  });

  it("runs both containers without capabilities, on a root that cannot be written", async () => {
    const limits = "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}";
    for (const service of ["migrate", "app"]) {
      expect(await docker("inspect", "--format", limits, await project.container(service))).toBe(
        "true [ALL] [no-new-privileges:true]",
      );
    }
  });

  it("writes no password to any log", async () => {
    const logs = await project.compose("logs", "--no-color");
    for (const password of Object.values(passwords)) expect(logs).not.toContain(password);
  });

  it("stops within two seconds with 0", async () => {
    const app = await project.container("app");
    const { milliseconds } = await tryDocker("stop", app);
    expect(milliseconds).toBeLessThan(2000);
    expect(await docker("inspect", "--format", "{{.State.ExitCode}}", app)).toBe("0");
  });
});
