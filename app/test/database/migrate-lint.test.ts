import { describe, expect, it } from "@jest/globals";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";

const nowhere = { DATABASE_URL: "", LOG_LEVEL: "silent" };
const sound = {
  "000001_make_a.up.sql": "CREATE TABLE a (id bigint);",
  "000001_make_a.down.sql": "DROP TABLE a;",
};
const waits = { "000002_make_i.up.sql": "CREATE INDEX i ON a (id);", "000002_make_i.down.sql": "SELECT 1;" };
const taste = {
  "000003_add_n.up.sql": "ALTER TABLE a ADD COLUMN n int;",
  "000003_add_n.down.sql": "SELECT 1;",
};
const fails = { "000004_tidy_up.up.sql": "VACUUM a;", "000004_tidy_up.down.sql": "SELECT 1;" };

describe("migrate lint, as a program without a database", () => {
  it.each([
    ["nothing to say", sound, [], 0],
    ["a note", { ...sound, ...taste }, [], 0],
    ["a note that must not be", { ...sound, ...taste }, ["--fail-on", "note"], 3],
    ["a warning", { ...sound, ...waits }, [], 3],
    ["a warning that may be", { ...sound, ...waits }, ["--fail-on", "error"], 0],
    ["an error", { ...sound, ...fails }, ["--fail-on", "error"], 3],
    ["an error in an old migration", { ...sound, ...fails }, ["--since", "000004"], 0],
    ["an error in another migration", { ...sound, ...fails }, ["000001", "000001_make_a.down.sql"], 0],
    ["a folder that cannot be used", { "a.sql": "SELECT 1;" }, [], 7],
    ["a file that is not there", sound, ["000009"], 2],
    ["an unknown severity", sound, ["--fail-on", "all"], 2],
    ["a version that is none", sound, ["--since", "x"], 2],
    ["a server that is too old", sound, ["--server-version", "12"], 2],
    ["two ways to tell the server", sound, ["--server-version", "15", "--online"], 2],
    ["two forms of answer", sound, ["--json", "--format", "github"], 2],
    ["a database that was asked for and is not configured", sound, ["--online"], 2],
  ] as const)("ends as documented: %s", async (_title, files, flags, code) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      expect(await migrate(scene, ["lint", ...flags], nowhere, "process")).toMatchObject({ code });
    });
  });

  it("shows each finding with its place, its line and what to do", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { ...sound, ...fails });
      expect(await migrate(scene, ["lint"], nowhere)).toEqual({
        code: 3,
        output: [
          `${scene.folder}/000004_tidy_up.up.sql:1:1: error: VACUUM cannot run inside a transaction, and this file runs in one. [cannot-run-in-transaction]`,
          "  1 | VACUUM a;",
          "    | ^",
          "  help: Begin the file with `-- migrate: no-transaction`, and keep the statement in a file of its own.",
          "",
          "4 files judged for PostgreSQL 18: 1 error, 0 warnings, 0 notes.",
          "",
        ].join("\n"),
      });
    });
  });

  it("marks places for GitHub from the checkout's folder", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { ...sound, ...fails });
      const env = { ...nowhere, GITHUB_WORKSPACE: scene.folder };
      const { output } = await migrate(scene, ["lint", "--format", "github"], env);
      expect(output.split("\n")[0]).toBe(
        "::error file=000004_tidy_up.up.sql,line=1,col=1,title=cannot-run-in-transaction::VACUUM cannot run inside a transaction, and this file runs in one.%0ABegin the file with `-- migrate: no-transaction`, and keep the statement in a file of its own.",
      );
    });
  });
});

describe("migrate lint --online", () => {
  it("judges for the version of the configured server, in one document", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, sound);
      const { code, document } = await ask(scene, "lint", "--online");
      const server = await ask(scene, "info");
      const { version } = (server.document as { server: { version: string } }).server;
      expect({ code, document }).toEqual({
        code: 0,
        document: {
          ok: true,
          exitCode: 0,
          failOn: "warning",
          serverVersion: Number.parseInt(version, 10),
          files: 2,
          counts: { error: 0, warning: 0, note: 0 },
          migrations: [{ version: "000001", name: "000001_make_a", findings: [] }],
        },
      });
    });
  });
});
