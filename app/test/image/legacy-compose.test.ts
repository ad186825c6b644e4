import { afterEach, describe, expect, it } from "@jest/globals";
import { waitForHttp } from "../support/wait-for-http.ts";
import { createProject, type Project, type ProjectOptions } from "./support/compose-project.ts";
import { developmentImage, docker, productionImage, runName } from "./support/run.ts";
import { runCommand, runOrThrow } from "./support/run-command.ts";

const version = await runCommand("docker-compose", ["version", "--short"]).then(
  ({ stdout }) => stdout.trim(),
  () => "none",
);

// Newer systems have no version 1 any more; the name then says so at the end of the run.
describe(`docker-compose 1 (here: ${version})`, () => {
  const itOnVersion1 = version.startsWith("1.") ? it : it.skip;
  let project: Project | undefined;

  afterEach(async () => {
    await project?.remove();
  });

  async function create(options: Omit<ProjectOptions, "legacy">): Promise<Project> {
    project = await createProject({ ...options, legacy: true });
    return project;
  }

  itOnVersion1("brings the development project up, built by the engine's classic builder", async () => {
    const image = developmentImage().replace(runName(), `${runName()}-legacy`);
    const { compose, apiUrl } = await create({ name: "legacy", env: { HEADGATE_IMAGE: image } });
    await compose("up", "--detach", "--build");
    await waitForHttp(`${apiUrl}/ready`, { timeout: 90_000 });
    expect(await compose("exec", "-T", "app", "migrate", "status")).toMatch(/000004\s+\S+\s+applied/);
  });

  itOnVersion1("brings the production project up", async () => {
    const { compose, container, folder, apiUrl } = await create({
      name: "legacyservice",
      file: "docker-compose.migrate-service.yml",
      env: { HEADGATE_IMAGE: productionImage() },
    });
    await runOrThrow("deploy/create-secrets.sh", [], { cwd: folder });
    await compose("up", "--detach", "--no-build");
    await waitForHttp(`${apiUrl}/ready`, { timeout: 90_000 });
    const state = "{{.State.Status}} {{.State.ExitCode}}";
    expect(await docker("inspect", "--format", state, await container("migrate"))).toBe("exited 0");
  });
});
