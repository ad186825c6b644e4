import { runCommand, runOrThrow, type CommandEnd } from "./run-command.ts";

/** The name of this run of the tests; whatever it makes on the engine carries it. */
export function runName(): string {
  const name = process.env["HEADGATE_IMAGE_TEST_RUN"];
  if (name === undefined) throw new Error("run these tests with `npm run test:image`");
  return name;
}

/** On every image that the tests build. */
export const runLabel = (): string => `headgate.test.run=${runName()}`;

/** The production image, built by global-setup. */
export const productionImage = (): string => `headgate-test:${runName()}-production`;

/** What the development image is called when a test lets Compose build it. */
export const developmentImage = (): string => `headgate-test:${runName()}-development`;

/** The base image of ours, as the Dockerfiles have it. */
export const nodeImage = (): string => process.env["NODE_IMAGE"] ?? "node:24-trixie-slim";

/** The base image of PostgreSQL, as the compose files have it. */
export const postgresImage = (): string => process.env["POSTGRES_IMAGE"] ?? "postgres:18";

/** `docker …`, which must succeed; what it printed. */
export const docker = (...args: string[]): Promise<string> => runOrThrow("docker", args);

/** `docker …`, whatever its exit code. */
export const tryDocker = (...args: string[]): Promise<CommandEnd> => runCommand("docker", args);

/** Removes every service, secret, container, volume, network and image of this run. */
export async function removeEverything(): Promise<void> {
  const ofRun = (line: string): boolean => line.includes(runName());
  const names = async (...args: string[]): Promise<string[]> =>
    (await docker(...args)).split("\n").filter(ofRun);
  const remove = async (command: string[], found: string[]): Promise<void> => {
    if (found.length > 0) await docker(...command, ...found);
  };
  if ((await docker("info", "--format", "{{.Swarm.LocalNodeState}}")) === "active") {
    await remove(["service", "rm"], await names("service", "ls", "--format", "{{.Name}}"));
    await remove(["secret", "rm"], await names("secret", "ls", "--format", "{{.Name}}"));
  }
  await remove(["rm", "--force", "--volumes"], await names("ps", "--all", "--format", "{{.Names}}"));
  await remove(["volume", "rm", "--force"], await names("volume", "ls", "--format", "{{.Name}}"));
  await remove(["network", "rm"], await names("network", "ls", "--format", "{{.Name}}"));
  const images = await names("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "headgate-test");
  await remove(["image", "rm", "--force"], images);
  await docker("image", "prune", "--force", "--filter", `label=${runLabel()}`);
}
