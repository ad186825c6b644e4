import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { findFreePort } from "../support/free-port.ts";
import { buildImage, stepsThatRan } from "./support/build.ts";
import { copyClone, removeClone } from "./support/clone.ts";
import { runImage, startPostgres, withDatabase, type Postgres } from "./support/containers.ts";
import { docker, productionImage, runName } from "./support/run.ts";
import { runCommand, type CommandEnd } from "./support/run-command.ts";

describe("Dockerfile.build-migrations", () => {
  let postgres: Postgres;
  let port: number;
  let folder: string;
  const image = `headgate-test:${runName()}-migrated`;

  beforeAll(async () => {
    port = await findFreePort();
    postgres = await startPostgres(["--publish", `127.0.0.1:${port}:5432`]);
    folder = await copyClone();
  });
  afterAll(async () => {
    await removeClone(folder);
    await postgres.remove();
  });

  /** A build whose RUN is `run` of this run of the tests: the cache remembers those before. */
  function build(run: string, url = onThisMachine(postgres.url)): Promise<CommandEnd> {
    return buildImage({
      context: folder,
      file: "Dockerfile.build-migrations",
      tag: image,
      args: { HEADGATE_IMAGE: productionImage(), ...(run === "" ? {} : { RUN: `${runName()} ${run}` }) },
      options: ["--network", "host", "--secret", "id=database_url,env=DATABASE_URL"],
      env: { DATABASE_URL: url },
    });
  }

  function onThisMachine(url: string): string {
    return url.replace(`@${postgres.host}:5432`, `@127.0.0.1:${port}`);
  }

  it("migrates the database while it builds", async () => {
    const { output, code } = await build("first");
    expect(output).toContain("000001_create_server_tables");
    expect(code).toBe(0);
    const check = await runImage(withDatabase(postgres), "migrate", "check");
    expect(check.code).toBe(0);
  });

  it("leaves the address in no layer, no history and no configuration", async () => {
    const occurrences = async (text: string): Promise<number> => {
      const script = 'docker save "$0" | grep --count --text --fixed-strings -e "$1"';
      return Number((await runCommand("bash", ["-c", script, image, text])).stdout);
    };
    expect(await occurrences("CREATE TABLE server")).toBeGreaterThan(0); // layers can be read this way
    expect(await occurrences(postgres.password)).toBe(0);
    expect(await occurrences(`127.0.0.1:${port}`)).toBe(0);
    const history = await docker("history", "--no-trunc", image);
    expect(history).toContain("migrate up --yes");
    expect(`${history}${await docker("inspect", image)}`).not.toContain(postgres.password);
  });

  it("does nothing when its RUN is not another one: the step comes from the cache", async () => {
    const url = onThisMachine(await postgres.createDatabase());
    expect(stepsThatRan((await build("first", url)).output).filter((step) => step.includes("RUN"))).toEqual(
      [],
    );
    const { output, code } = await build("second", url);
    expect(output).toContain("000001_create_server_tables");
    expect(code).toBe(0);
  });

  it("does not build without a RUN, and says what is missing", async () => {
    const { output, code } = await build("");
    expect(output).toContain("RUN: must differ from build to build");
    expect(code).not.toBe(0);
  });

  it("does not become an image when the database refuses, and names the exit code", async () => {
    const url = onThisMachine(postgres.url).replace(postgres.password, "not-the-password");
    const { output, code } = await build("third", url);
    expect(output).toMatch(/exit code: 8/);
    expect(output).not.toContain("not-the-password");
    expect(code).not.toBe(0);
  });

  it("does the same through docker-compose.build-migrations.yml", async () => {
    const url = onThisMachine(await postgres.createDatabase());
    await mkdir(join(folder, ".secrets"));
    await writeFile(join(folder, ".secrets", "database_url"), url);
    const compose = ["compose", "--project-name", `${runName()}-build`, "--file"];
    const { output, code } = await runCommand(
      "docker",
      [...compose, "docker-compose.build-migrations.yml", "--progress=plain", "build"],
      {
        cwd: folder,
        env: {
          HEADGATE_IMAGE: productionImage(),
          MIGRATED_IMAGE: image,
          BUILD_NETWORK: "host",
          RUN: `${runName()} fourth`,
        },
      },
    );
    expect(output).toContain("000001_create_server_tables");
    expect(output).not.toContain(postgres.password);
    expect(code).toBe(0);
  });
});
