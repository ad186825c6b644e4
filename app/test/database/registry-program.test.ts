import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { runRegistry } from "../../../scripts/registry/run.ts";
import { usage } from "../../../scripts/registry/usage.ts";
import { entryOf } from "../support/registry-fixture.ts";
import { runProgram } from "../support/run-program.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
  folder = await mkdtemp(join(tmpdir(), "headgate-registry-"));
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

async function registry(argv: readonly string[], { url = database.url, input = "" } = {}): Promise<End> {
  let [stdout, stderr] = ["", ""];
  async function* stdin(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(input);
  }
  const code = await runRegistry({
    argv,
    env: { DATABASE_URL: url },
    stdin: stdin(),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  });
  return { code, stdout, stderr };
}

/** The built program: what Node itself throws has another `Error` class inside of Jest. */
async function registryProgram(args: readonly string[], url: string): Promise<End> {
  const { code, stdout, stderr } = await runProgram("registry", { args, env: { DATABASE_URL: url } });
  return { code: code ?? -1, stdout, stderr };
}

async function fileOf(name: string, ...lines: (object | string)[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(
    path,
    lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"),
  );
  return path;
}

describe("registry import FILE", () => {
  it("loads a file, says how far it is and what became of it", async () => {
    const file = await fileOf("good.jsonl", entryOf("a.b/c", "1"), entryOf("a.b/d", "1"));
    const first = await registry(["import", file]);
    expect(first).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^.*good\.jsonl: 2 entries in \d+\.\d s: 2 added, 0 updated, 0 unchanged, 0 skipped\n$/,
      ),
      stderr: "importing: 2 lines\n",
    });
    const again = await registry(["import", "--json", file]);
    expect([again.code, JSON.parse(again.stdout)]).toEqual([
      0,
      {
        file,
        lines: 2,
        added: 0,
        updated: 0,
        unchanged: 2,
        skipped: 0,
        latestMoved: 0,
        stored: true,
        elapsedMs: expect.any(Number),
        problems: [],
      },
    ]);
  });

  it("ends with 0 although some lines could not be used, unless it is told to be strict", async () => {
    const file = await fileOf("mixed.jsonl", entryOf("a.b/mixed", "1"), "{}");
    await expect(registry(["import", file])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining("2 entries in"),
      stderr: "line 2: no name\nimporting: 2 lines\n",
    });
  });

  it("stores nothing when it is told to be strict and some lines cannot be used", async () => {
    const file = await fileOf("strict.jsonl", entryOf("a.b/strict", "1"), "{}", "[]");
    await expect(registry(["import", file, "--strict"])).resolves.toEqual({
      code: 3,
      stdout: `${file}: nothing was stored, since 2 of 3 entries cannot be used (--strict)\n`,
      stderr: "line 2: no name\nline 3: not a JSON object\nimporting: 3 lines\n",
    });
    const json = await registry(["import", file, "--strict", "--json"]);
    expect([json.code, JSON.parse(json.stdout)]).toMatchObject([3, { added: 1, skipped: 2, stored: false }]);
    await expect(database.query("SELECT FROM server WHERE name = 'a.b/strict'")).resolves.toEqual([]);
  });

  it("ends with 3 when no line could be used", async () =>
    expect(registry(["import", await fileOf("bad.jsonl", "{}", "[]")])).resolves.toMatchObject({
      code: 3,
      stdout: expect.stringContaining("0 added, 0 updated, 0 unchanged, 2 skipped"),
    }));

  it("has nothing to do with an empty file", async () =>
    expect(registry(["import", "-"])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining("standard input: 0 entries"),
    }));

  it("ends with 3 when the tables are missing", async () => {
    const empty = await createTestDatabase();
    const end = await registry(["import", "-"], {
      url: empty.url,
      input: JSON.stringify(entryOf("a.b/c", "1")),
    });
    await empty.drop();
    const message =
      "registry: The registry's tables are missing or older than this program. Run `migrate up` first.\n";
    expect(end).toEqual({ code: 3, stdout: "", stderr: message });
  });

  it("ends with 4 when the database is not there", async () => {
    const nobody = new URL(database.url);
    nobody.port = "1";
    await expect(registryProgram(["import", "-"], nobody.href)).resolves.toEqual({
      code: 4,
      stdout: "",
      stderr: "registry: The database cannot be reached. (connect ECONNREFUSED 127.0.0.1:1)\n",
    });
  });

  it("ends with 8 when the database refuses us", async () => {
    const wrong = new URL(database.url);
    wrong.pathname = "/not_there";
    await expect(registry(["import", "-"], { url: wrong.href })).resolves.toMatchObject({
      code: 8,
      stderr: 'registry: The database does not exist. (database "not_there" does not exist)\n',
    });
  });

  it("reads its settings from flags and a YAML file, too", async () => {
    const url = new URL(database.url);
    const yaml = await fileOf(
      "settings.yaml",
      "database:",
      `  host: ${url.hostname}`,
      `  port: ${url.port}`,
      `  user: ${url.username}`,
      `  password: ${JSON.stringify(decodeURIComponent(url.password))}`,
      `  database: ${database.name}`,
    );
    const file = await fileOf("yaml.jsonl", entryOf("a.b/yaml", "1"));
    await expect(registry(["import", "--config", yaml, file], { url: "" })).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining("1 added"),
    });
  });

  it.each([
    [[], "registry: No command. Try `registry import FILE`, `registry export`, or `registry --help`.\n"],
    [
      ["exprot"],
      'registry: Unknown command "exprot". Try `registry import FILE`, `registry export`, or `registry --help`.\n',
    ],
    [["import"], "registry: `registry import` takes one FILE, or - for standard input.\n"],
    [["import", "a", "b"], "registry: `registry import` takes one FILE, or - for standard input.\n"],
    [["export", "a"], "registry: `registry export` takes no word; use --output FILE.\n"],
    [["import", "/"], "registry: Cannot read /: it is a directory.\n"],
  ])("ends with 2 for %j", async (argv, stderr) =>
    expect(registry(argv)).resolves.toEqual({ code: 2, stdout: "", stderr }),
  );

  it.each([
    [["import", "a", "--what"], expect.stringMatching(/^registry: Unknown option '--what'/)],
    [
      ["import", "/not/there"],
      "registry: Cannot read /not/there: ENOENT: no such file or directory, open '/not/there'.\n",
    ],
  ])("ends with 2 for %j", async (argv, stderr) =>
    expect(registryProgram(argv, database.url)).resolves.toEqual({ code: 2, stdout: "", stderr }),
  );

  it.each([[["--help"]], [["help"]], [["import", "-h"]]])("explains itself: %j", async (argv) =>
    expect(registry(argv)).resolves.toEqual({ code: 0, stdout: usage, stderr: "" }),
  );
});
