import { randomBytes } from "node:crypto";
import { projectRoot } from "../../../version.ts";
import { buildImage } from "./build.ts";
import { productionImage } from "./run.ts";
import { joinSwarm } from "./swarm.ts";
import { runCommand } from "./run-command.ts";

/** Makes sure that an engine answers, and builds the production image once for all test files. */
export default async function prepareRun(): Promise<void> {
  const engine = await runCommand("docker", ["version", "--format", "{{.Server.Version}}"]).catch(
    (error: unknown) => ({ code: -1, output: String(error) }),
  );
  if (engine.code !== 0) {
    throw new Error(`No Docker engine answers, so no image was tested.\n${engine.output}`);
  }
  // Lower case: it becomes part of the names of images and projects.
  process.env["HEADGATE_IMAGE_TEST_RUN"] = `hgtest${randomBytes(4).toString("hex")}`;
  const build = await buildImage({
    context: projectRoot,
    tag: productionImage(),
    args: { REVISION: "0123abc" },
  });
  if (build.code !== 0) throw new Error(`The production image cannot be built.\n${build.output}`);
  const noSwarm = await joinSwarm();
  if (noSwarm !== undefined) process.env["HEADGATE_IMAGE_TEST_NO_SWARM"] = noSwarm;
}
