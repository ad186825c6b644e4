import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { version } from "../../app/version.ts";
import { commands } from "./commands.ts";
import { runMigrate } from "./run.ts";
import { commandHelp, overview } from "./usage.ts";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs what is typed, a word each, without a terminal unless `env` has a TERM. */
async function type(typed: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const texts = { stdout: "", stderr: "" };
  const collect = (name: "stdout" | "stderr"): Writable & { isTTY: boolean } => {
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        texts[name] += chunk.toString("utf8");
        done();
      },
    });
    return Object.assign(stream, { isTTY: env["TERM"] !== undefined });
  };
  const code = await runMigrate(
    typed.split(" ").filter((word) => word !== ""),
    {
      env,
      stdin: Readable.from([]),
      stdout: collect("stdout"),
      stderr: collect("stderr"),
      signal: new AbortController().signal,
    },
  );
  return { code, ...texts };
}

describe("the help", () => {
  it("is what is asked for, wherever that is typed", async () => {
    const [up] = commands;
    for (const typed of ["help up", "up --help", "up -h", "up -n 3 -h", "help upgrade", "--json up -h"])
      expect({ typed, ...(await type(typed)) }).toEqual({
        typed,
        code: 0,
        stdout: commandHelp(up!),
        stderr: "",
      });
    for (const typed of ["help", "--help", "-h"])
      expect({ typed, ...(await type(typed)) }).toEqual({
        typed,
        code: 0,
        stdout: overview(commands),
        stderr: "",
      });
  });

  it("describes each command, and names its exit codes", () => {
    const silent = commands.filter(({ description }) => description === undefined).map(({ name }) => name);
    expect(silent).toEqual([]);
    expect(commandHelp(commands.find(({ name }) => name === "check")!)).toMatch(
      /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 {6}migrations are pending\n {2}4 .*\n {2}7 .*\n {2}8 .*\n {2}9 .*\n {2}128\+n /,
    );
  });

  it("is shown on a terminal to whoever types nothing more", async () => {
    expect(await type("", { TERM: "xterm" })).toEqual({ code: 2, stdout: "", stderr: overview(commands) });
  });

  it("does not keep the version back", async () => {
    expect((await type("--version")).stdout).toBe(`headgate ${version}\n`);
    expect((await type("version --json")).stdout).toBe(`{"version":"${version}"}\n`);
  });
});

describe("what cannot be understood", () => {
  it.each([
    ["pendig", 'Unknown command "pendig" (did you mean pending?).'],
    ["help dwngrade", 'Unknown command "dwngrade" (did you mean downgrade?).'],
    ["goto 3", "(did you mean `migrate up --to VERSION` or `migrate down --to VERSION`?)"],
    ["constructor", 'Unknown command "constructor". '],
    ["", "Say what to do, for example `migrate status`."],
    ["up --num-step 1", "Unknown flag --num-step (did you mean --num-steps?)."],
    ["downgrade -1", "Unknown flag -1; type `migrate down -n 1`."],
    ["down base", "To revert all, type `migrate down -n 0`."],
    ["up 000003", "Is 000003 a version? Then type `migrate up --to 000003`."],
    ["up --to --yes", "--to needs a value."],
    ["repair 3 4", '"4" is not understood; migrate repair takes one argument.'],
    ["repair --as done", '--as must be one of applied, pending, not "done".'],
    ["drop", "(did you mean `migrate reset --confirm`, or `migrate down -n 0`?)"],
    ["validate", "(did you mean `migrate check --offline`, or `migrate verify` to try them?)"],
    ["up 2 -n 2", '"2" is not understood; type `migrate up -n N`.'],
    ["up seven", '"seven" is not understood; type `migrate up -n N`.'],
    ["--config /nowhere.yaml bogus", 'Unknown command "bogus".'],
  ])("is answered with what to type: %s", async (typed, expected) => {
    const { code, stdout, stderr } = await type(typed);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    // One line, and JSON: nobody is at a terminal.
    expect(stderr.trimEnd()).not.toContain("\n");
    const line = JSON.parse(stderr) as Record<string, unknown>;
    expect(line).toMatchObject({ level: "error", code: "usage", exitCode: 2 });
    expect(line["message"]).toContain(expected);
  });

  it("is a sentence on a terminal, and text where the format says so", async () => {
    expect((await type("up --bogus", { TERM: "xterm", NO_COLOR: "1" })).stderr).toBe(
      "error: Unknown flag --bogus. See `migrate up --help`.\n",
    );
    expect((await type("up --bogus --no-color", { TERM: "xterm" })).stderr).not.toContain("\u001B");
    expect((await type("up --bogus", { TERM: "xterm" })).stderr).toContain("\u001B[31merror:");
    expect((await type("up --log-format=pretty --bogus")).stderr).toMatch(
      /^[\d:.]+ error Unknown flag --bogus/,
    );
  });

  it("is one document on stdout with --json", async () => {
    const { stdout } = await type("up --bogus --json", { LOG_LEVEL: "silent" });
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "usage",
        message: "Unknown flag --bogus. See `migrate up --help`.",
        exitCode: 2,
        details: {},
      },
    });
  });
});

describe("migrate create", () => {
  it("takes the name in the ways of older guides, and says how it is written", async () => {
    const folder = mkdtempSync(join(tmpdir(), "headgate-create-"));
    const env = { MIGRATIONS_DIR: folder, TERM: "xterm" };
    try {
      expect((await type("create AddOwner to server", env)).stderr).toBe(
        'The name "AddOwner to server" is written as add_owner_to_server.\n',
      );
      expect((await type("create -m add_note", env)).stderr).toBe("");
      const { stdout } = await type("create --ts -m third --json", { MIGRATIONS_DIR: folder });
      const [, number] = /"version":"(20\d{12})"/.exec(stdout) ?? [];
      expect(JSON.parse(stdout)).toEqual({
        version: number,
        name: `${number}_third`,
        files: ["up", "down"].map((way) => join(folder, `${number}_third.${way}.sql`)),
      });
      expect(readdirSync(folder)).toEqual([
        "000001_add_owner_to_server.down.sql",
        "000001_add_owner_to_server.up.sql",
        "000002_add_note.down.sql",
        "000002_add_note.up.sql",
        expect.stringMatching(/^20\d{12}_third\.down\.sql$/),
        expect.stringMatching(/^20\d{12}_third\.up\.sql$/),
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
