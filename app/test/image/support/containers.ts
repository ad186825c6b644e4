import { randomBytes } from "node:crypto";
import { waitForCondition } from "../../support/wait-for-condition.ts";
import { docker, postgresImage, productionImage, runName, tryDocker } from "./run.ts";
import type { CommandEnd } from "./run-command.ts";

/** Everything a production container should do without. */
export const hardening = [
  "--read-only",
  ...["--cap-drop", "ALL"],
  ...["--security-opt", "no-new-privileges"],
];

export interface Postgres {
  readonly network: string;
  /** The address as containers on `network` see it. */
  readonly host: string;
  readonly password: string;
  readonly url: string;
  /** A database of its own; its URL. */
  createDatabase(): Promise<string>;
  /** What psql answers: the values alone, a line for each row. */
  ask(sql: string, database?: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * A PostgreSQL that accepts connections, on a network of its own.
 *
 * @param options more words of `docker run`
 */
export async function startPostgres(options: readonly string[] = []): Promise<Postgres> {
  const network = newName("network");
  const host = newName("postgres");
  const password = `secret-${randomBytes(12).toString("hex")}`;
  await docker("network", "create", network);
  await docker(
    ...["run", "--detach", "--name", host, "--network", network],
    ...["--env", `POSTGRES_PASSWORD=${password}`, ...options, postgresImage()],
  );
  await waitForCondition(
    "PostgreSQL",
    async () =>
      (await tryDocker("exec", host, "pg_isready", "--quiet", "--host=127.0.0.1", "--username=postgres"))
        .code === 0,
    { timeout: 60_000, interval: 200 },
  );
  const url = (database: string): string => `postgres://postgres:${password}@${host}:5432/${database}`;
  return {
    network,
    host,
    password,
    url: url("postgres"),
    createDatabase: async () => {
      const name = newName("db").replaceAll("-", "_");
      await docker("exec", host, "createdb", "--username=postgres", name);
      return url(name);
    },
    ask: (sql, database = "postgres") =>
      docker(
        ...["exec", host, "psql", "--username=postgres", "--no-psqlrc", "--csv", "--tuples-only"],
        ...["--dbname", database, "--command", sql],
      ),
    remove: async () => {
      await docker("rm", "--force", "--volumes", host);
      await docker("network", "rm", network);
    },
  };
}

/** Options of `docker run` that reach a database of the test's PostgreSQL. */
export function withDatabase(postgres: Postgres, url = postgres.url): string[] {
  return ["--network", postgres.network, "--env", `DATABASE_URL=${url}`];
}

/** `docker run --rm … IMAGE …` of the production image, to its end. */
export function runImage(options: readonly string[], ...command: string[]): Promise<CommandEnd> {
  return tryDocker("run", "--rm", "--name", newName("run"), ...options, productionImage(), ...command);
}

/** `docker run --detach … IMAGE …` of the production image; the container's name. */
export async function startImage(options: readonly string[], ...command: string[]): Promise<string> {
  const name = newName("app");
  await docker("run", "--detach", "--name", name, ...options, productionImage(), ...command);
  return name;
}

export interface ContainerEnd {
  readonly code: number;
  readonly logs: string;
  /** How long `docker stop` took. */
  readonly milliseconds: number;
}

/** Stops a container as `docker stop` does, removes it, and tells how it ended. */
export async function stopAndRemove(name: string): Promise<ContainerEnd> {
  const { milliseconds } = await tryDocker("stop", name);
  const code = Number(await docker("inspect", "--format", "{{.State.ExitCode}}", name));
  const logs = await logsOf(name);
  await docker("rm", "--force", "--volumes", name);
  return { code, logs, milliseconds };
}

/**
 * How long a container lived on after the signal, in ms by the engine's clock, and its exit code. `docker stop` itself
 * takes longer: the engine tidies up.
 */
export async function signalAndWait(
  name: string,
  signal: string,
): Promise<{ readonly code: number; readonly milliseconds: number }> {
  const sent = Date.now();
  await docker("kill", "--signal", signal, name);
  await docker("wait", name);
  const format = "{{.State.ExitCode}} {{.State.FinishedAt}}";
  const [code, finished] = (await docker("inspect", "--format", format, name)).split(" ");
  return { code: Number(code), milliseconds: Date.parse(finished!) - sent };
}

/** What a container wrote to both streams. */
export async function logsOf(name: string): Promise<string> {
  return (await tryDocker("logs", name)).output;
}

export function waitForLog(name: string, text: string | RegExp): Promise<string> {
  return waitForCondition(
    `${String(text)} in the log of ${name}`,
    async () => {
      const logs = await logsOf(name);
      return (typeof text === "string" ? logs.includes(text) : text.test(logs)) && logs;
    },
    { timeout: 60_000, interval: 100 },
  );
}

export function newName(what: string): string {
  return `${runName()}-${what}-${randomBytes(4).toString("hex")}`;
}
