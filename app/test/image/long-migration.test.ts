import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { findFreePort } from "../support/free-port.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { hardening, startImage, startPostgres, withDatabase, type Postgres } from "./support/containers.ts";
import { createMigrationsFolder, type MigrationsFolder } from "./support/migrations-folder.ts";
import { docker, tryDocker } from "./support/run.ts";

const seconds = 25;

describe(`a migration of ${seconds} s`, () => {
  let postgres: Postgres;
  let migrations: MigrationsFolder;
  let name: string;
  let port: number;
  /** What each probe found, in order; the time is that since the container's start, in ms. */
  const probes: { at: number; alive: boolean; ready: number; status: unknown }[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
    migrations = await createMigrationsFolder({
      "000001_sleep.up.sql": `CREATE TABLE slept ();\nSELECT pg_sleep(${seconds});\n`,
    });
    port = await findFreePort();
    name = await startImage([
      ...withDatabase(postgres, await postgres.createDatabase()),
      ...hardening,
      ...migrations.mount,
      ...["--publish", `127.0.0.1:${port}:8081`],
      // Stricter than the image's own health check and any orchestrator's default, with no grace at the start.
      ...["--health-interval", "2s", "--health-retries", "3", "--health-start-period", "1s"],
    ]);
    const began = Date.now();
    for (let isReady = false; !isReady && Date.now() - began < (seconds + 30) * 1000; await sleep(250)) {
      const probe = await askProbes();
      isReady = probe.ready === 200;
      probes.push({ at: Date.now() - began, ...probe });
    }
  });
  afterAll(async () => {
    await tryDocker("rm", "--force", "--volumes", name);
    await migrations.remove();
    await postgres.remove();
  });

  async function askProbes(): Promise<{ alive: boolean; ready: number; status: unknown }> {
    const signal = AbortSignal.timeout(1000);
    const base = `http://127.0.0.1:${port}`;
    const alive = await fetch(`${base}/health`, { signal }).then(
      ({ status }) => status === 200,
      () => false,
    );
    const ready = await fetch(`${base}/ready`, { signal }).catch(() => undefined);
    const body = (await ready?.json().catch(() => undefined)) as { status?: unknown } | undefined;
    return { alive, ready: ready?.status ?? 0, status: body?.status };
  }

  it("never fails the liveness probe while it migrates, and hardly when the API takes the ports over", () => {
    const first = probes.findIndex(({ alive }) => alive);
    expect(probes[first]!.at).toBeLessThan(5000);
    const last = probes.findLastIndex(({ status }) => status === "migrating");
    expect(probes.slice(first, last).filter(({ alive }) => !alive)).toEqual([]);
    // Between the gate's end and the API's start nobody answers: less than three probes of any orchestrator's default.
    const next = probes.slice(last + 1).find(({ alive }) => alive);
    expect(next!.at - probes[last]!.at).toBeLessThan(3000);
  });

  it("is not ready meanwhile and says why, then is", () => {
    const during = probes.filter(({ status }) => status === "migrating");
    expect(during.length).toBeGreaterThan(seconds);
    expect(new Set(during.map(({ ready }) => ready))).toEqual(new Set([503]));
    expect(probes.at(-1)).toMatchObject({ alive: true, ready: 200, status: "ready" });
  });

  it("never makes the container unhealthy or restarts it", async () => {
    const state = "{{.State.Health.Status}} {{.State.Health.FailingStreak}} {{.RestartCount}}";
    await waitForCondition(
      "the health check",
      async () => (await docker("inspect", "--format", state, name)) === "healthy 0 0",
    );
    const events = await docker(
      ...["events", "--since", `${seconds + 60}s`, "--until", "0s"],
      ...["--filter", `container=${name}`, "--filter", "event=health_status", "--format", "{{.Status}}"],
    );
    expect(events).not.toContain("unhealthy");
  });
});
