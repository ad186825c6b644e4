import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { findFreePort } from "../support/free-port.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { waitForHttp } from "../support/wait-for-http.ts";
import {
  hardening,
  newName,
  runImage,
  startPostgres,
  withDatabase,
  type Postgres,
} from "./support/containers.ts";
import { deriveImage } from "./support/derived-image.ts";
import { startRoundRobin, type RoundRobin } from "./support/round-robin.ts";
import { docker, productionImage, tryDocker } from "./support/run.ts";

interface Replica {
  readonly name: string;
  readonly port: number;
}

describe("a rolling upgrade under load", () => {
  let postgres: Postgres;
  let balancer: RoundRobin;
  let url: string;
  let next: string;
  let replicas: Replica[] = [];
  const load = { isOn: true, requests: 0, failures: [] as string[], ports: new Set<string>() };
  let clients: Promise<void>[];

  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
    // It makes a table wider and an index on it: neither is in the way of the version before.
    next = await deriveImage("next", {
      "000900_add_note.up.sql": "ALTER TABLE server ADD COLUMN note text;\n",
      "000900_add_note.down.sql": "ALTER TABLE server DROP COLUMN note;\n",
      "000901_index_note.up.sql":
        "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY server_note ON server (note);\n",
      "000901_index_note.down.sql": "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY server_note;\n",
    });
    expect((await runImage(withDatabase(postgres, url), "migrate", "up")).code).toBe(0);
    const insert = "INSERT INTO server (name) SELECT 'a.b/c' || n FROM generate_series(1, 1000) n";
    await postgres.ask(insert, url.slice(url.lastIndexOf("/") + 1));
    balancer = await startRoundRobin();
    for (let count = 0; count < 2; count++) await add(productionImage());
    clients = Array.from({ length: 4 }, () => ask());
  });
  afterAll(async () => {
    load.isOn = false;
    await Promise.all(clients);
    await balancer.close();
    for (const { name } of replicas) await tryDocker("rm", "--force", "--volumes", name);
    await postgres.remove();
  });

  /** One client: request after request, to the end of the load. */
  async function ask(): Promise<void> {
    while (load.isOn) {
      load.requests += 1;
      const response = await fetch(`${balancer.url}/v0.1/servers?limit=5`).catch((error: unknown) =>
        String(error),
      );
      if (typeof response === "string") {
        load.failures.push(response);
        continue;
      }
      load.ports.add(response.headers.get("x-port") ?? "");
      const body = await response.text();
      if (response.status !== 200) load.failures.push(`${response.status}: ${body}`);
    }
  }

  /** Starts a replica; it gets requests as soon as it is ready. */
  async function add(image: string): Promise<void> {
    const replica = { name: newName("replica"), port: await findFreePort() };
    replicas.push(replica);
    await docker(
      ...["run", "--detach", "--name", replica.name, ...withDatabase(postgres, url), ...hardening],
      ...["--publish", `127.0.0.1:${replica.port}:8080`, image],
    );
    await waitForHttp(`http://127.0.0.1:${replica.port}/ready`, { timeout: 60_000 });
    balancer.targets.push(replica.port);
  }

  /** As orchestrators do: no new requests for the replica, then TERM, which lets it finish those it has. */
  async function retire({ name, port }: Replica): Promise<void> {
    balancer.targets.splice(balancer.targets.indexOf(port), 1);
    await docker("stop", name);
    expect(await docker("inspect", "--format", "{{.State.ExitCode}}", name)).toBe("0");
    await docker("rm", "--volumes", name);
    replicas = replicas.filter((replica) => replica.name !== name);
  }

  async function replaceAll(image: string): Promise<void> {
    for (const old of [...replicas]) {
      await add(image);
      await retire(old);
    }
  }

  async function expectServed(atLeast: number): Promise<void> {
    const before = load.requests;
    await waitForCondition(`${atLeast} requests`, () => load.requests >= before + atLeast);
    expect(load.failures).toEqual([]);
  }

  it("to the next version fails no request", async () => {
    await expectServed(20);
    await replaceAll(next);
    await expectServed(20);
    const check = await tryDocker("exec", replicas[0]!.name, "migrate", "current");
    expect(check.output).toContain("000901");
  });

  it("and back to the version before, on the newer schema, fails none either", async () => {
    await replaceAll(productionImage());
    await expectServed(20);
    for (const { port } of replicas) {
      expect((await fetch(`http://127.0.0.1:${port}/ready`)).status).toBe(200);
    }
    expect(load.ports.size).toBe(6); // two replicas of each of the three rounds
  });

  it("lets the older image revert what only the newer one has a file for", async () => {
    const down = await runImage(withDatabase(postgres, url), "migrate", "down", "-n", "2", "--yes");
    expect(down.output).toContain("000900");
    expect(down.code).toBe(0);
    await expectServed(20);
    expect(load.requests).toBeGreaterThan(200);
  });
});
