import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { waitForHttp } from "../support/wait-for-http.ts";
import { createProject, type Project } from "./support/compose-project.ts";
import { developmentImage, runName } from "./support/run.ts";

describe("docker compose watch", () => {
  let project: Project;
  let watch: ChildProcess;
  let output = "";

  beforeAll(async () => {
    project = await createProject({
      name: "watch",
      env: { HEADGATE_IMAGE: developmentImage().replace(runName(), `${runName()}-watch`) },
    });
    await project.compose("up", "--build", "--detach");
    await waitForHttp(`${project.apiUrl}/ready`, { timeout: 60_000 });
    const files = ["--file", "docker-compose.yml", "--file", "docker-compose.watch.yml"];
    const words = ["compose", "--project-name", project.name, ...files, "watch", "--no-up"];
    watch = spawn("docker", words, {
      cwd: project.folder,
      env: { ...process.env, ...project.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [watch.stdout!, watch.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    await waitForCondition("Compose to watch", () => /watch enabled/i.test(output));
  });
  afterAll(async () => {
    watch.kill("SIGTERM");
    if (watch.exitCode === null) await once(watch, "exit");
    await project.remove();
  });

  it("restarts the service for a new migration, which is then applied", async () => {
    await writeFile(
      join(project.folder, "migrations", "000900_create_thing.up.sql"),
      "CREATE TABLE thing ();\n",
    );
    await waitForCondition("the new migration", async () => {
      const response = await fetch(`${project.apiUrl}/ready`);
      return ((await response.json()) as { applied?: string }).applied === "000900_create_thing";
    });
    expect(output).toMatch(/restart/i);
  });
});
