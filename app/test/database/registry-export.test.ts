import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runRegistry } from "../../../scripts/registry/run.ts";
import { createPool } from "../../database/pool.ts";
import { exportServers } from "../../registry/export-servers.ts";
import { itUnless } from "../support/it-unless.ts";
import { findRegistryData, reasonWithout } from "../support/registry-data.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { runProgram } from "../support/run-program.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
  folder = await mkdtemp(join(tmpdir(), "headgate-export-"));
  await importInto(database, [
    entryOf("com.acme/weather", "1.0.0", { day: 2, status: "deprecated" }),
    '{ "name": "com.acme/spelled",\r "version": "1.0.0", "weight": 1.0, "text": "a\\nb" }',
    ...Array.from({ length: 600 }, (_, index) => entryOf("com.acme/many", `1.${index}.0`)),
    entryOf("com.acme/gone", "1.0.0", { day: 5, status: "deleted" }),
  ]);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

interface End {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function registry(argv: readonly string[], url = database.url): Promise<End> {
  let [stdout, stderr] = ["", ""];
  async function* stdin(): AsyncGenerator<Uint8Array> {}
  const code = await runRegistry({
    argv,
    env: { DATABASE_URL: url },
    stdin: stdin(),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  return { code, stdout, stderr };
}

/** Everything that is stored but when a server was first seen. */
const stored = ({ query }: TestDatabase): Promise<unknown> =>
  query(
    "SELECT to_jsonb(v) - 'value' AS row, v.value::text AS value FROM server_version v ORDER BY server_name, version",
  );

describe("registry export", () => {
  it("writes every version in the order of lists, and says how many", async () => {
    const { code, stdout, stderr } = await registry(["export"]);
    const lines = stdout.trimEnd().split("\n");
    expect([code, lines.length, stderr]).toEqual([
      0,
      603,
      expect.stringMatching(
        /^exporting: 500 lines\nexporting: 603 lines\nstandard output: 603 entries in \d+\.\d s\n$/,
      ),
    ]);
    expect(lines[0]).toBe(
      '{"server":{"name":"com.acme/gone","version":"1.0.0"},"_meta":{"io.modelcontextprotocol.registry/official":' +
        '{"status":"deleted","statusChangedAt":"2025-01-05T12:00:00Z","publishedAt":"2025-01-05T12:00:00Z","updatedAt":"2025-01-05T12:00:00Z","isLatest":true}}}',
    );
    expect(lines.at(-2)).toContain(
      '{"server":{ "name": "com.acme/spelled",  "version": "1.0.0", "weight": 1.0, "text": "a\\nb" },',
    );
  });

  it("can be imported again: every document, date and status is the same", async () => {
    const file = join(folder, "all.jsonl");
    await expect(registry(["export", "--output", file])).resolves.toMatchObject({ code: 0, stdout: "" });
    const other = await createTestDatabase({ template: "migrated" });
    await expect(registry(["import", file, "--strict"], other.url)).resolves.toMatchObject({ code: 0 });
    const [before, after] = [await stored(database), await stored(other)];
    const again = await registry(["export"], other.url);
    await other.drop();
    // The line end in it is white space to JSON, and cannot be kept in a line.
    expect(after).toEqual(
      JSON.parse(JSON.stringify(before).replace(String.raw`spelled\",\r`, String.raw`spelled\", `)),
    );
    expect(again.stdout).toBe(await readFile(file, "utf8"));
  });

  const data = findRegistryData("servers.jsonl");
  itUnless(reasonWithout(data))("gives the real data back as it was", async () => {
    const [first, second] = [
      await createTestDatabase({ template: "migrated" }),
      await createTestDatabase({ template: "migrated" }),
    ];
    const file = join(folder, "real.jsonl");
    await registry(["import", data ?? "", "--strict"], first.url);
    await registry(["export", "--output", file], first.url);
    await registry(["import", file, "--strict"], second.url);
    const [before, after] = [await stored(first), await stored(second)];
    await first.drop();
    await second.drop();
    expect(before).toHaveLength(1930);
    expect(after).toEqual(before);
  });

  it("is the state of one moment, whatever is published meanwhile", async () => {
    const pool = createPool(database.config, () => undefined);
    const client = await pool.connect();
    const counts: number[] = [];
    for await (const { count } of exportServers(client)) {
      counts.push(count);
      await importInto(database, [entryOf("zz.late/comer", `1.0.${counts.length}`)]);
    }
    client.release();
    await pool.end();
    await database.query("DELETE FROM server_version WHERE server_name = 'zz.late/comer'");
    expect(counts).toEqual([500, 103]);
  });

  it("leaves no half a file, and the one that was there, when it fails", async () => {
    const file = join(folder, "kept.jsonl");
    await writeFile(file, "the last backup");
    const gone = new URL(database.url);
    gone.pathname = "/not_there";
    await expect(registry(["export", "--output", file], gone.href)).resolves.toMatchObject({ code: 8 });
    await expect(readFile(file, "utf8")).resolves.toBe("the last backup");
    await expect(readdir(folder)).resolves.not.toContainEqual(expect.stringContaining(".part"));
  });

  it("ends with 2 where it cannot write", async () =>
    expect(
      runProgram("registry", {
        args: ["export", "--output", "/not/there/x"],
        env: { DATABASE_URL: database.url },
      }),
    ).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^registry: Cannot write \/not\/there\/x: ENOENT/),
    }));

  it("ends with 3 when the tables are missing", async () => {
    const empty = await createTestDatabase();
    const end = await registry(["export"], empty.url);
    await empty.drop();
    expect(end).toMatchObject({ code: 3, stderr: expect.stringContaining("Run `migrate up` first.") });
  });

  it("ends in one sentence when its reader goes away", async () => {
    const script = `node dist/scripts/registry.js export | head -c 100 > /dev/null; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await runBash(script);
    expect([stdout, stderr]).toEqual([
      "2\n",
      expect.stringMatching(
        /^(?:exporting: \d+ lines\n)*registry: The reader of the output went away before it had everything\.\n$/,
      ),
    ]);
  });
});

async function runBash(script: string): Promise<{ stdout: string; stderr: string }> {
  const file = join(folder, "run.sh");
  await writeFile(file, `#!/usr/bin/env bash\n${script}\n`, { mode: 0o755 });
  return runProgram(file, { env: { DATABASE_URL: database.url } });
}
