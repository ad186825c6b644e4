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
  /** What the compose file gets beside the environment of the tests. */
  readonly env: Readonly<Record<string, string>>;
  /** `docker compose …`, which must succeed; what it printed on stdout. */
  compose(...args: string[]): Promise<string>;
  /** `docker compose …`, whatever its exit code. */
  tryCompose(...args: string[]): Promise<CommandEnd>;
  /** The same with other variables, for example the image of another version. */
  tryWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<CommandEnd>;
  /** The ids of a service's containers, also of those that have ended. */
  containers(service: string): Promise<string[]>;
  /** The id of a service's one container, also of one that has ended. */
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
  const containers = async (service: string): Promise<string[]> => {
    const labels = { project: name, service };
    const filters = Object.entries(labels).map(([key, value]) => `label=com.docker.compose.${key}=${value}`);
    const found = await runOrThrow("docker", [
      ...["ps", "--all", "--quiet", "--no-trunc"],
      ...filters.flatMap((filter) => ["--filter", filter]),
    ]);
    return found.split("\n").filter((id) => id !== "");
  };
  return {
    name,
    folder,
    env: settings.env,
    apiUrl: `http://127.0.0.1:${port}`,
    operationsUrl: `http://127.0.0.1:${operationsPort}`,
    compose,
    tryCompose: (...args) => runCommand(command, [...all, ...args], settings),
    tryWith: (env, ...args) =>
      runCommand(command, [...all, ...args], { ...settings, env: { ...settings.env, ...env } }),
    containers,
    container: async (service) => {
      const found = await containers(service);
      if (found.length !== 1) throw new Error(`not one container of ${service}: "${found.join(" ")}"`);
      return found[0]!;
    },
    remove: async () => {
      await compose("down", "--volumes", "--remove-orphans", "--timeout", "2");
      await removeClone(folder);
    },
  };
}
