import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { waitForHttp } from "../support/wait-for-http.ts";
import { createProject, type Project } from "./support/compose-project.ts";
import { developmentImage, docker, productionImage, tryDocker } from "./support/run.ts";

const head = /000004\s+\S+\s+applied/;

describe("docker compose up", () => {
  let project: Project;

  beforeAll(async () => {
    project = await createProject({ name: "dev", env: { HEADGATE_IMAGE: developmentImage() } });
    await project.compose("up", "--build", "--detach");
    await waitForHttp(`${project.operationsUrl}/ready`, { timeout: 60_000 });
  });
  afterAll(async () => {
    await project.remove();
  });

  it("has a healthy PostgreSQL, then migrates, then serves", async () => {
    const postgres = await project.container("postgres");
    expect(await docker("inspect", "--format", "{{.State.Health.Status}}", postgres)).toBe("healthy");
    const logs = await project.compose("logs", "--no-color", "app");
    expect(logs.indexOf("000001_")).toBeGreaterThan(-1);
    expect(logs.indexOf("API listening")).toBeGreaterThan(logs.indexOf("000001_"));
  });

  it.each(["/v0.1/servers", "/v0/servers", "/api/v0/servers", "/api/v0.1/servers"])(
    "answers %s through the published port",
    async (path) => {
      const response = await fetch(`${project.apiUrl}${path}`);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ servers: [], metadata: { count: 0 } });
    },
  );

  it("shows the state of migrations in the running container", async () => {
    expect(await project.compose("exec", "-T", "app", "migrate", "status")).toMatch(head);
  });

  it("has migrate on the PATH of a shell in a new container", async () => {
    const words = ["run", "--rm", "--no-TTY", "--entrypoint", "/bin/bash", "app", "-c", "migrate status"];
    expect(await project.compose(...words)).toMatch(head);
  });

  it("leaves nothing pending for the production image", async () => {
    const end = await tryDocker(
      ...["run", "--rm", "--network", `${project.name}_default`],
      ...["--env", "DATABASE_URL=postgres://headgate:headgate@postgres:5432/headgate"],
      ...[productionImage(), "migrate", "up"],
    );
    expect(end.output).toMatch(/nothing (is )?pending/i);
    expect(end.code).toBe(0);
  });

  it("restarts the server when a source file changes", async () => {
    const count = async (): Promise<number> =>
      (await project.compose("logs", "--no-color", "app")).split("API listening").length;
    const before = await count();
    await appendFile(join(project.folder, "app", "server.ts"), "\n// changed\n");
    await waitForCondition("the server to listen again", async () => (await count()) > before, {
      timeout: 30_000,
      interval: 200,
    });
    expect((await fetch(`${project.apiUrl}/ready`)).status).toBe(200);
  });

  it("ends within two seconds when it is stopped", async () => {
    const app = await project.container("app");
    const { milliseconds } = await tryDocker("stop", app);
    expect(milliseconds).toBeLessThan(2000);
    expect(["0", "143"]).toContain(await docker("inspect", "--format", "{{.State.ExitCode}}", app));
  });

  it("starts again with the data it had", async () => {
    await project.compose("up", "--detach");
    await waitForHttp(`${project.apiUrl}/ready`, { timeout: 60_000 });
    expect(await project.compose("exec", "-T", "app", "migrate", "status")).toMatch(head);
  });
});
