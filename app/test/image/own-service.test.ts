import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { projectRoot } from "../../version.ts";
import { findFreePort } from "../support/free-port.ts";
import { waitForHttp } from "../support/wait-for-http.ts";
import { buildImage } from "./support/build.ts";
import {
  hardening,
  newName,
  stopAndRemove,
  startPostgres,
  withDatabase,
  type Postgres,
} from "./support/containers.ts";
import { docker, productionImage, runName, tryDocker } from "./support/run.ts";

describe("examples/own-service", () => {
  let postgres: Postgres;
  let url: string;
  let api: string;
  const image = `headgate-test:${runName()}-notes`;
  const name = newName("notes");

  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
    const { code, output } = await buildImage({
      context: join(projectRoot, "examples", "own-service"),
      file: "Dockerfile",
      tag: image,
      args: { HEADGATE_IMAGE: productionImage() },
    });
    if (code !== 0) throw new Error(output);
    const [port, operationsPort] = [await findFreePort(), await findFreePort()];
    api = `http://127.0.0.1:${port}`;
    await docker(
      ...["run", "--detach", "--name", name, ...withDatabase(postgres, url), ...hardening],
      ...["--publish", `127.0.0.1:${port}:8080`, "--publish", `127.0.0.1:${operationsPort}:8081`, image],
    );
    await waitForHttp(`${api}/notes`, { timeout: 60_000 });
  });
  afterAll(async () => {
    await tryDocker("rm", "--force", "--volumes", name);
    await postgres.remove();
  });

  it("migrates its own schema, and nothing of the registry's", async () => {
    const database = url.slice(url.lastIndexOf("/") + 1);
    const sql = "SELECT string_agg(name, ' ' ORDER BY id) FROM schema_migrations";
    expect(await postgres.ask(sql, database)).toBe(
      "000001_create_note 000002_add_pinned 000003_create_pinned_index",
    );
    expect(await postgres.ask("SELECT to_regclass('server') IS NULL", database)).toBe("t");
  });

  it("is process 1 and serves", async () => {
    const processOne = await docker("exec", name, "bash", "-c", "tr '\\0' ' ' < /proc/1/cmdline");
    expect(processOne).toBe("node service/server.mjs");
    expect((await fetch(`${api}/notes`, { method: "POST", body: "first" })).status).toBe(201);
    expect(await (await fetch(`${api}/notes`)).json()).toEqual([{ id: "1", body: "first", pinned: false }]);
  });

  it("has the command at hand, with its own migrations", async () => {
    const status = await docker("exec", name, "migrate", "status");
    expect(status).toMatch(/000003\s+\S+\s+applied/);
    const job = await tryDocker(
      "run",
      "--rm",
      ...withDatabase(postgres, url),
      image,
      "migrate",
      "down",
      "-n",
      "0",
      "--yes",
    );
    expect(job.code).toBe(0);
  });

  it("ends within two seconds when it is stopped", async () => {
    const end = await stopAndRemove(name);
    expect(end.code).toBe(0);
    expect(end.milliseconds).toBeLessThan(2000);
  });
});
