import { appendFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { version } from "../../version.ts";
import { buildImage, stepsThatRan } from "./support/build.ts";
import { copyClone, removeClone } from "./support/clone.ts";
import { docker, nodeImage, productionImage, runName } from "./support/run.ts";

/** Digests of an image's layers, the base image's first. */
async function layersOf(image: string): Promise<string[]> {
  return JSON.parse(await docker("inspect", "--format", "{{json .RootFS.Layers}}", image)) as string[];
}

describe("building the production image", () => {
  let folder: string;
  const rebuilt = `headgate-test:${runName()}-rebuilt`;

  beforeAll(async () => {
    folder = await copyClone();
  });
  afterAll(async () => {
    await removeClone(folder);
  });

  it("adds less than 60 MB to its base image", async () => {
    const base = (await layersOf(nodeImage())).length;
    const history = await docker("history", "--human=false", "--format", "{{.Size}}", productionImage());
    const sizes = history.split("\n").map(Number);
    const ofBase = await docker("history", "--human=false", "--format", "{{.Size}}", nodeImage());
    const added = sizes.slice(0, sizes.length - ofBase.split("\n").length);
    const megabytes = added.reduce((sum, size) => sum + size, 0) / 1e6;
    expect(megabytes).toBeLessThan(60);
    expect(megabytes).toBeGreaterThan(10); // it holds dependencies, so this measures something
    expect((await layersOf(productionImage())).slice(0, base)).toEqual(await layersOf(nodeImage()));
  });

  it("says in labels what it is, of which version and revision", async () => {
    const format = "{{json .Config.Labels}}";
    const labels = JSON.parse(await docker("inspect", "--format", format, productionImage())) as unknown;
    expect(labels).toMatchObject({
      "org.opencontainers.image.title": "Headgate",
      "org.opencontainers.image.description": expect.stringContaining("PostgreSQL"),
      "org.opencontainers.image.licenses": "MIT",
      "org.opencontainers.image.version": version,
      "org.opencontainers.image.revision": "0123abc",
    });
  });

  it("makes the same bytes of dependencies and code again, from files of another age", async () => {
    await utimes(join(folder, "docker-entrypoint.sh"), 1e9, 1e9);
    const options = ["--no-cache-filter", "dependencies,build"];
    const build = await buildImage({ context: folder, tag: rebuilt, options, args: { REVISION: "4567def" } });
    expect(build.output).toContain("npm ci --omit=dev");
    expect(build.code).toBe(0);
    expect(stepsThatRan(build.output).filter((step) => /RUN (?:npm|node)/.test(step))).toHaveLength(4);
    const [before, after] = [await layersOf(productionImage()), await layersOf(rebuilt)];
    // What V8 compiled comes last, and has other bytes each time.
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
  });

  it("installs nothing again when only code changed", async () => {
    // A change that no earlier run has left in the builder's cache.
    await appendFile(join(folder, "app", "server.ts"), `\nprocess.title = ${JSON.stringify(runName())};\n`);
    const { output, code } = await buildImage({ context: folder, tag: rebuilt });
    expect(code).toBe(0);
    const ran = stepsThatRan(output);
    expect(ran).toContainEqual(expect.stringContaining("RUN node scripts/bundle.mjs"));
    expect(ran.filter((step) => /npm ci|apt-get/.test(step))).toEqual([]);
    const [before, after] = [await layersOf(productionImage()), await layersOf(rebuilt)];
    const changed = before.flatMap((layer, index) => (layer === after[index] ? [] : [index]));
    // The programs, and what V8 compiles of them.
    expect(changed).toHaveLength(2);
  });

  it("fails, and names the file, when a migration is broken", async () => {
    const stray = join(folder, "migrations", "000099_broken_name.sql");
    await writeFile(stray, "SELECT 1;\n");
    const { output, code } = await buildImage({ context: folder });
    await rm(stray);
    expect(output).toContain("000099_broken_name.sql");
    expect(code).not.toBe(0);
  });

  it.each(["Dockerfile", "Dockerfile.prod"])("has nothing that the builder warns of in %s", async (file) => {
    const { output, code } = await buildImage({ context: folder, file, options: ["--check"] });
    expect(output).toContain("no warnings found");
    expect(code).toBe(0);
  });
});
