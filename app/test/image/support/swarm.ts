import { docker, tryDocker } from "./run.ts";

/**
 * Makes the engine a swarm of one node for the whole run; why not, or undefined. Before any container of the tests, and
 * left after the last one: leaving a swarm makes the engine forget the names of containers that run. For the same
 * reason it does not touch an engine on which somebody else's run.
 */
export async function joinSwarm(): Promise<string | undefined> {
  if ((await readState()) === "active") return undefined;
  if ((await docker("ps", "--quiet")) !== "") {
    return "other containers run here, whose names the engine would forget; `docker swarm init` to test it all the same";
  }
  const { code, output } = await tryDocker("swarm", "init", "--advertise-addr", "127.0.0.1");
  if (code !== 0) return `this engine cannot be a swarm: ${output.trim()}`;
  process.env["HEADGATE_IMAGE_TEST_LEAVE_SWARM"] = "1";
  return undefined;
}

/** Undoes what `joinSwarm` did. */
export async function leaveSwarm(): Promise<void> {
  if (process.env["HEADGATE_IMAGE_TEST_LEAVE_SWARM"] === "1") await docker("swarm", "leave", "--force");
}

/** `inactive`, `active`, … */
export function readState(): Promise<string> {
  return docker("info", "--format", "{{.Swarm.LocalNodeState}}");
}
