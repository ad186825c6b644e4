import { EventEmitter } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { serve } from "../../serve.ts";
import { getJson, readIsWaiting, takePort, withBlockedReads } from "../support/live-service.ts";
import { entryOf, importInto } from "../support/registry-fixture.ts";
import { runProgram, startProgram } from "../support/run-program.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ template: "migrated" });
  await importInto(database, [entryOf("com.acme/weather", "1.0.0")]);
});
afterAll(() => database.drop());

describe("serve", () => {
  interface Run {
    readonly signals: EventEmitter;
    readonly exits: number[];
    readonly code: Promise<number>;
    readonly stderr: () => string;
    readonly port: () => Promise<number>;
  }

  function run(env: NodeJS.ProcessEnv = {}): Run {
    const signals = new EventEmitter();
    const exits: number[] = [];
    let [stdout, stderr] = ["", ""];
    const code = serve({
      argv: ["--log-format", "json"],
      env: { DATABASE_URL: database.url, PORT: "0", OPERATIONS_PORT: "0", ...env },
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      signals,
      exit: (exitCode) => exits.push(exitCode),
    });
    const port = (): Promise<number> =>
      waitForCondition(
        "the API to listen",
        () => Number(/"port":(\d+)[^\n]*"API listening"/.exec(stdout)?.[1] ?? 0) || undefined,
      );
    return { signals, exits, code, stderr: () => stderr, port };
  }

  it.each(["SIGTERM", "SIGINT"])("ends with 0 on %s", async (signal) => {
    const { signals, code, port, exits } = run();
    await expect(getJson(await port(), "/health")).resolves.toMatchObject({ status: 200 });
    signals.emit(signal);
    await expect(code).resolves.toBe(0);
    expect([exits, signals.eventNames()]).toEqual([[], []]);
  });

  it("ends the process at once on a second signal", async () => {
    const { signals, code, port, exits } = run();
    const listening = await port();
    await withBlockedReads(database, async (release) => {
      const slow = getJson(listening, "/v0.1/servers");
      await readIsWaiting(database);
      signals.emit("SIGTERM");
      signals.emit("SIGINT");
      expect(exits).toEqual([130]);
      await release();
      await slow;
    });
    await expect(code).resolves.toBe(0);
  });

  it("tells in one sentence why it cannot start, and ends with 2", async () => {
    const port = await takePort();
    const busy = run({ PORT: String(port) });
    await expect(busy.code).resolves.toBe(2);
    expect(busy.stderr()).toBe(
      `Cannot listen on port ${port}: it is in use. Stop the other program, or set PORT to another one.\n`,
    );
    const wrong = run({ PORT: "many" });
    await expect(wrong.code).resolves.toBe(2);
    expect(wrong.stderr()).toMatch(/^PORT: "many" must be [^\n]+\n$/);
  });
});

describe("the built programs", () => {
  it("load data and serve it", async () => {
    const env = { DATABASE_URL: database.url, PORT: "0", OPERATIONS_PORT: "0", LOG_FORMAT: "json" };
    const input = `${JSON.stringify(entryOf("com.acme/weather", "1.0.0"))}\n{\n`;
    const loaded = await runProgram("registry", { args: ["import", "-", "--json"], env, input });
    expect([loaded.code, JSON.parse(loaded.stdout), loaded.stderr]).toEqual([
      0,
      {
        file: "-",
        lines: 2,
        added: 0,
        updated: 0,
        unchanged: 1,
        skipped: 1,
        latestMoved: 0,
        stored: true,
        elapsedMs: expect.any(Number),
        problems: [{ line: 2, reason: expect.stringMatching(/^not valid JSON/) }],
      },
      expect.stringMatching(/^line 2: not valid JSON.*\nimporting: 2 lines\n$/),
    ]);

    const server = startProgram("dist/programs/server.cjs", { env });
    await server.waitForOutput("operations listening");
    const port = Number(/"port":(\d+)/.exec(server.stdout())?.[1]);
    await expect(getJson(port, "/api/v0/servers/com.acme/weather/versions/latest")).resolves.toMatchObject({
      status: 200,
    });
    server.kill("SIGTERM");
    await expect(server.ended).resolves.toMatchObject({ code: 0, stderr: "" });
  });
});
