import { afterAll, describe, expect, it } from "@jest/globals";
import { waitForHttp } from "../support/wait-for-http.ts";
import { createProject, type Project } from "./support/compose-project.ts";
import { developmentImage, runName } from "./support/run.ts";
import { runCommand } from "./support/run-command.ts";

const version = await runCommand("docker-compose", ["version", "--short"]).then(
  ({ stdout }) => stdout.trim(),
  () => "none",
);
const isLegacy = version.startsWith("1.");

// Newer systems have no version 1 any more; the test's name then says so in the report.
describe(`docker-compose 1 (here: ${version})`, () => {
  let project: Project | undefined;

  afterAll(async () => {
    await project?.remove();
  });

  (isLegacy ? it : it.skip)("brings the project up with its own defaults", async () => {
    const image = developmentImage().replace(runName(), `${runName()}-legacy`);
    project = await createProject({ name: "legacy", legacy: true, env: { HEADGATE_IMAGE: image } });
    await project.compose("up", "--detach", "--build");
    await waitForHttp(`${project.apiUrl}/ready`, { timeout: 90_000 });
    expect(await project.compose("exec", "-T", "app", "migrate", "status")).toMatch(/000004\s+\S+\s+applied/);
  });
});
