import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../../version.ts";
import { waitForCondition } from "../../support/wait-for-condition.ts";
import { docker, runName, tryDocker } from "./run.ts";
import { runCommand, runOrThrow, type CommandEnd } from "./run-command.ts";

/** A stack of deploy/swarm/stack.yml with secrets of its own. */
export interface Stack {
  readonly name: string;
  /** `docker stack deploy` with this image, until the services stand or the engine gives up. */
  deploy(image: string): Promise<CommandEnd>;
  /** Ids of the running containers of a service on this node. */
  containers(service: string): Promise<string[]>;
  remove(): Promise<void>;
}

export async function createStack(): Promise<Stack> {
  const name = `${runName()}-stack`;
  const secrets = await mkdtemp(join(tmpdir(), "headgate-secrets-"));
  await runOrThrow("deploy/create-secrets.sh", [secrets], { cwd: projectRoot });
  const secretNames: string[] = [];
  for (const secret of ["postgres_password", "migrator_password", "app_password"]) {
    await docker("secret", "create", `${name}_${secret}`, join(secrets, secret));
    secretNames.push(`${name}_${secret}`);
  }
  await rm(secrets, { recursive: true });
  const containers = async (service: string): Promise<string[]> => {
    const label = `label=com.docker.swarm.service.name=${name}_${service}`;
    const found = await docker("ps", "--quiet", "--no-trunc", "--filter", label);
    return found.split("\n").filter((id) => id !== "");
  };
  return {
    name,
    containers,
    deploy: (image) =>
      runCommand(
        "docker",
        [
          ...["stack", "deploy", "--detach=false", "--resolve-image", "never"],
          ...["--compose-file", "deploy/swarm/stack.yml", name],
        ],
        {
          cwd: projectRoot,
          env: {
            HEADGATE_IMAGE: image,
            SECRETS_PREFIX: name,
            POSTGRES_CONSTRAINT: "node.role == manager",
          },
        },
      ),
    remove: async () => {
      await docker("stack", "rm", "--detach=false", name);
      await waitForCondition("the stack's containers to be gone", async () => {
        const left = await docker(
          "ps",
          "--all",
          "--quiet",
          "--filter",
          `label=com.docker.stack.namespace=${name}`,
        );
        return left === "";
      });
      await tryDocker("secret", "rm", ...secretNames);
    },
  };
}
