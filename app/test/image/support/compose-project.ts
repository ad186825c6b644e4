import { findFreePort } from "../../support/free-port.ts";
import { copyClone, removeClone } from "./clone.ts";
import { runName } from "./run.ts";
import { runCommand, runOrThrow, type CommandEnd } from "./run-command.ts";

export interface ProjectOptions {
  /** Ends the project's name; each test file has its own. */
  readonly name: string;
  /** The compose file; docker-compose.yml unless given. */
  readonly file?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `docker-compose` of version 1 in place of `docker compose`. */
  readonly legacy?: boolean;
}

/** A compose project of its own, in a copy of this folder as a fresh clone has it. */
export interface Project {
  readonly name: string;
  readonly folder: string;
  /** The API and the operations port, as published on this machine. */
  readonly apiUrl: string;
  readonly operationsUrl: string;
  /** `docker compose …`, which must succeed; what it printed on stdout. */
  compose(...args: string[]): Promise<string>;
  /** `docker compose …`, whatever its exit code. */
  tryCompose(...args: string[]): Promise<CommandEnd>;
  /** The id of a service's container, also of one that has ended. */
  container(service: string): Promise<string>;
  /** Removes containers, volumes, networks and the folder. */
  remove(): Promise<void>;
}

export async function createProject(options: ProjectOptions): Promise<Project> {
  const folder = await copyClone();
  const name = `${runName()}-${options.name}`;
  const port = await findFreePort();
  const operationsPort = await findFreePort();
  const command = options.legacy ? "docker-compose" : "docker";
  const all = [
    ...(options.legacy ? [] : ["compose"]),
    "--project-name",
    name,
    "--file",
    options.file ?? "docker-compose.yml",
  ];
  const settings = {
    cwd: folder,
    env: { PORT: String(port), OPERATIONS_PORT: String(operationsPort), ...options.env },
  };
  const compose: Project["compose"] = (...args) => runOrThrow(command, [...all, ...args], settings);
  return {
    name,
    folder,
    apiUrl: `http://127.0.0.1:${port}`,
    operationsUrl: `http://127.0.0.1:${operationsPort}`,
    compose,
    tryCompose: (...args) => runCommand(command, [...all, ...args], settings),
    container: async (service) => {
      const filters = ["project", "service"].map((key) => `com.docker.compose.${key}`);
      const found = await runOrThrow("docker", [
        ...["ps", "--all", "--quiet", "--no-trunc"],
        ...["--filter", `label=${filters[0]}=${name}`, "--filter", `label=${filters[1]}=${service}`],
      ]);
      if (!/^[0-9a-f]+$/.test(found)) throw new Error(`not one container of ${service}: "${found}"`);
      return found;
    },
    remove: async () => {
      await compose("down", "--volumes", "--remove-orphans", "--timeout", "2");
      await removeClone(folder);
    },
  };
}
