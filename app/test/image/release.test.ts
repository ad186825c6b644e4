import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForHttp } from "../support/wait-for-http.ts";
import { createProject, type Project } from "./support/compose-project.ts";
import { deriveImage } from "./support/derived-image.ts";
import { docker, productionImage } from "./support/run.ts";
import { runOrThrow } from "./support/run-command.ts";

/** The three commands of docs/deploying.md: build or pull, `run --rm migrate`, `up`. */
describe("a release with docker-compose.migrate-service.yml", () => {
  let project: Project;
  let environment: { HEADGATE_IMAGE: string };

  beforeAll(async () => {
    environment = { HEADGATE_IMAGE: productionImage() };
    project = await createProject({
      name: "release",
      file: "docker-compose.migrate-service.yml",
      env: environment,
    });
    await runOrThrow("deploy/create-secrets.sh", [], { cwd: project.folder });
    await project.compose("up", "--no-build", "--detach");
    await waitForHttp(`${project.apiUrl}/ready`, { timeout: 60_000 });
  });
  afterAll(async () => {
    await project.remove();
  });

  const migrate = (): ReturnType<Project["tryCompose"]> =>
    project.tryWith(environment, "run", "--rm", "--no-TTY", "migrate");

  it("stops at a broken migration with 6, while the API goes on as it was", async () => {
    environment.HEADGATE_IMAGE = await deriveImage("broken", {
      "000900_break_something.up.sql": "CREATE TABLE half ();\nSELECT 1 / 0;\n",
    });
    const before = await project.container("app");
    const { code, output } = await migrate();
    expect(output).toContain("000900_break_something.up.sql:2");
    expect(code).toBe(6);
    expect(await project.container("app")).toBe(before);
    expect((await fetch(`${project.apiUrl}/ready`)).status).toBe(200);
    expect((await fetch(`${project.apiUrl}/v0.1/servers`)).status).toBe(200);
    const pending = await project.tryWith(
      environment,
      "run",
      "--rm",
      "--no-TTY",
      "migrate",
      "migrate",
      "check",
    );
    expect(pending.code).toBe(3);
  });

  it("says with which code the migration ended when that was left out, and gives up", async () => {
    const { code, output } = await project.tryWith(environment, "up", "--no-build", "--detach");
    expect(output).toMatch(/service "migrate" didn't complete successfully: exit 6/);
    expect(code).not.toBe(0);
    const state = "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}";
    expect(await docker("inspect", "--format", state, await project.container("migrate"))).toBe("exited 6 5");
  });

  it("brings the schema and then the API to the next version", async () => {
    environment.HEADGATE_IMAGE = await deriveImage("mended", {
      "000900_break_something.up.sql": "CREATE TABLE half ();\n",
    });
    expect((await migrate()).code).toBe(0);
    expect((await project.tryWith(environment, "up", "--no-build", "--detach")).code).toBe(0);
    await waitForHttp(`${project.apiUrl}/ready`, { timeout: 60_000 });
    const ready = await (await fetch(`${project.apiUrl}/ready`)).json();
    expect(ready).toMatchObject({ applied: "000900_break_something" });
  });
});
