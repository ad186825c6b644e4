import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { createProject, type Project } from "./support/compose-project.ts";
import { docker, productionImage } from "./support/run.ts";

describe("docker compose up --scale app=10 on an empty database", () => {
  let project: Project;

  beforeAll(async () => {
    project = await createProject({
      name: "replicas",
      // No port of this machine: a range would need ten free ones in a row.
      env: { HEADGATE_IMAGE: productionImage(), PORT: "0", OPERATIONS_PORT: "0" },
    });
    await project.compose("up", "--no-build", "--detach", "--scale", "app=10");
  });
  afterAll(async () => {
    await project.remove();
  });

  it("makes all ten healthy without restarting any", async () => {
    const replicas = await project.containers("app");
    expect(replicas).toHaveLength(10);
    const state = async (id: string): Promise<string> =>
      docker("inspect", "--format", "{{.State.Health.Status}} {{.RestartCount}}", id);
    for (const id of replicas) {
      await waitForCondition("a healthy replica", async () => (await state(id)) === "healthy 0");
    }
  });

  it("has run each migration once, one replica at a time", async () => {
    const sql = `SELECT name, count(*)::int AS runs, bool_and(state = 'applied') AS applied
                   FROM schema_migration_runs GROUP BY name ORDER BY name`;
    const words = ["exec", "-T", "postgres", "psql", "--username=headgate", "--no-psqlrc", "--csv"];
    const rows = (await project.compose(...words, "--tuples-only", "--command", sql)).split("\n");
    expect(rows.length).toBeGreaterThanOrEqual(4);
    for (const row of rows) expect(row).toMatch(/^\d{6}_\w+,1,t$/);
    const overlaps = `SELECT count(*) FROM schema_migration_runs a JOIN schema_migration_runs b
                        ON a.id < b.id AND (a.started_at, a.finished_at) OVERLAPS (b.started_at, b.finished_at)`;
    expect(await project.compose(...words, "--tuples-only", "--command", overlaps)).toBe("0");
  });

  it("lets the other nine say who they wait for, and none that it failed", async () => {
    const logs = await project.compose("logs", "--no-color", "app");
    expect(logs.match(/API listening/g)).toHaveLength(10);
    expect(logs).not.toMatch(/"level":"error"| ERROR /i);
  });
});
