import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { newName } from "./support/containers.ts";
import { deriveImage } from "./support/derived-image.ts";
import { docker, productionImage, tryDocker } from "./support/run.ts";
import { createStack, type Stack } from "./support/swarm-stack.ts";

const noSwarm = process.env["HEADGATE_IMAGE_TEST_NO_SWARM"];
const describeOnSwarm = noSwarm === undefined ? describe : describe.skip;

describeOnSwarm(
  `deploy/swarm/stack.yml on a swarm of one node${noSwarm === undefined ? "" : ` (${noSwarm})`}`,
  () => {
    let stack: Stack;

    beforeAll(async () => {
      stack = await createStack();
    });
    afterAll(async () => {
      await stack.remove();
    });

    /** A client on the API's network: it asks every replica by name until it is stopped, and then tells what it got. */
    const client = `
    let running = true;
    process.once("SIGTERM", () => { running = false; });
    const { setTimeout: sleep } = await import("node:timers/promises");
    const { request } = await import("node:http");
    const ask = () => new Promise((resolve) => {
      const options = { host: "tasks.app", port: 8080, path: "/v0.1/servers", agent: false, timeout: 10000 };
      request(options, (answer) => answer.resume().once("end", () => resolve(answer.statusCode)))
        .once("error", (error) => resolve(error.code)).end();
    });
    let requests = 0;
    const failures = [];
    while (running) {
      requests += 1;
      // As a proxy does: what was never taken is tried at another replica.
      let status = await ask();
      for (let count = 0; count < 2 && ["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH"].includes(status); count++) status = await ask();
      if (status !== 200) failures.push(status);
      await sleep(20);
    }
    console.log(JSON.stringify({ requests, failures }));`;

    async function underLoad(act: () => Promise<void>): Promise<{ requests: number; failures: unknown[] }> {
      const name = newName("client");
      const words = ["--entrypoint", "node", productionImage(), "--input-type=module", "--eval", client];
      await docker("run", "--detach", "--init", "--name", name, "--network", `${stack.name}_api`, ...words);
      await act();
      await docker("stop", name);
      const output = await docker("logs", name);
      await docker("rm", "--volumes", name);
      return JSON.parse(output) as { requests: number; failures: unknown[] };
    }

    async function imagesInService(): Promise<string[]> {
      const ids = await stack.containers("app");
      const format = "{{.Config.Image}} {{.State.Health.Status}}";
      return (await docker("inspect", "--format", format, ...ids)).split("\n");
    }

    function psql(sql: string): Promise<string> {
      const words = [
        "psql",
        "--username=postgres",
        "--dbname=headgate",
        "--csv",
        "--tuples-only",
        "--command",
        sql,
      ];
      return stack.containers("postgres").then(([id]) => docker("exec", id!, ...words));
    }

    it("comes up with five ready replicas, each migration run once", async () => {
      const { code, output } = await stack.deploy(productionImage());
      expect([code, output]).toEqual([0, expect.stringContaining("converged")]);
      await waitForCondition("five ready replicas", async () => {
        const found = await imagesInService();
        return found.length === 5 && found.every((line) => line === `${productionImage()} healthy`);
      });
      const runs = await psql("SELECT count(*), count(DISTINCT name) FROM migrations.schema_migration_runs");
      const [all, distinct] = runs.split(",");
      expect(all).toBe(distinct);
    });

    it("serves as a role that changes no table", async () => {
      const [id] = await stack.containers("app");
      const environment = await docker("exec", id!, "bash", "-c", "tr '\\0' '\\n' < /proc/1/environ");
      expect(environment).toContain("DB_USER=headgate_app");
      expect(environment).not.toContain("MIGRATE_DB_");
      const sql =
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'headgate%' AND state = 'idle'";
      await waitForCondition("the server's own role", async () => (await psql(sql)) === "headgate_app");
    });

    it("rolls to the next version under load, new replicas before old ones go, through a migration of 8 s", async () => {
      const next = await deriveImage("swarm-next", {
        "000900_add_note.up.sql": "ALTER TABLE server ADD COLUMN note text;\nSELECT pg_sleep(8);\n",
      });
      await docker("service", "scale", `${stack.name}_app=2`);
      const load = await underLoad(async () => {
        await docker(
          ...["service", "update", "--image", next, "--no-resolve-image"],
          ...["--update-monitor", "1s", `${stack.name}_app`],
        );
      });
      expect(load.failures).toEqual([]);
      expect(load.requests).toBeGreaterThan(50);
      await waitForCondition("the old replicas to be gone", async () => {
        const found = await imagesInService();
        return found.length === 2 && found.every((line) => line.startsWith(next));
      });
    });

    it("goes back by itself when the next version's migration fails, and nobody notices", async () => {
      const broken = await deriveImage("swarm-broken", {
        "000900_add_note.up.sql": "ALTER TABLE server ADD COLUMN note text;\nSELECT pg_sleep(8);\n",
        "000901_break.up.sql": "SELECT 1 / 0;\n",
      });
      const load = await underLoad(async () => {
        await tryDocker("service", "update", "--image", broken, "--no-resolve-image", `${stack.name}_app`);
      });
      expect(load.failures).toEqual([]);
      const tasks = await docker(
        "service",
        "ps",
        "--no-trunc",
        "--format",
        "{{.Image}} {{.Error}}",
        `${stack.name}_app`,
      );
      expect(tasks).toContain(`${broken} "task: non-zero exit (6)"`);
      const found = await imagesInService();
      expect(found.every((line) => !line.startsWith(broken))).toBe(true);
    });
  },
);
