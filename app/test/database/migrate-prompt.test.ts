import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { runMigrate } from "../../../scripts/migrate/run.ts";
import { AppError } from "../../errors.ts";
import { withTestSession } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";
import type { Scene } from "./hostile/hostile-case.ts";

const two = {
  "000001_one.up.sql": "CREATE TABLE one (id int, note text);",
  "000001_one.down.sql": "DROP TABLE one;",
  "000002_two.up.sql": "CREATE TABLE two (id int);",
  "000002_two.down.sql": "DROP TABLE two;",
};

interface Conversation {
  readonly code: Promise<number>;
  readonly controller: AbortController;
  readonly stdin: PassThrough;
  stdout(): string;
  stderr(): string;
  /** Until the program asks. */
  question(): Promise<void>;
}

/** Runs the program as on a terminal; the test is the person at it. */
function converse(
  scene: Scene,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Conversation {
  const [out, err] = [collect(), collect()];
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const controller = new AbortController();
  const code = runMigrate(argv, {
    env: {
      DATABASE_URL: scene.database.url,
      MIGRATIONS_DIR: scene.folder,
      TERM: "xterm",
      NO_COLOR: "1",
      ...env,
    },
    stdin,
    stdout: out.stream,
    stderr: err.stream,
    signal: controller.signal,
  });
  return {
    code,
    controller,
    stdin,
    stdout: out.text,
    stderr: err.text,
    question: async () => {
      await waitForCondition("the question", () => err.text().includes("[y/N] "));
    },
  };
}

function collect(): { stream: Writable & { isTTY: boolean; columns: number }; text(): string } {
  let text = "";
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString("utf8");
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY: true, columns: 120 }), text: () => text };
}

/** What can be read on a terminal: of a line that was written over, the last. */
function read(text: string): string {
  return text
    .split("\n")
    .map((line) => line.split("\r\u001B[2K").at(-1))
    .join("\n");
}

describe("the question on a terminal", () => {
  it("shows what will be done, and does it after a yes", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      const talk = converse(scene, ["up"]);
      await talk.question();
      talk.stdin.write("y\n");
      expect(await talk.code).toBe(0);
      expect(read(talk.stderr()).replaceAll(/\d+ ms/g, "N ms")).toBe(
        // The question is on a line that the person ends, who is not echoed here.
        "Pending migrations:\n  000001_one\n  000002_two\napplied   000001_one  N ms\napplied   000002_two  N ms\n",
      );
      expect(talk.stdout().replaceAll(/[\d.]+ m?s/g, "N ms")).toBe(
        "2 migrations applied in N ms; the schema is at 000002_two.\n",
      );
    });
  });

  it.each([
    ["no", "n\n"],
    ["Enter alone", "\n"],
    ["the end of the input", undefined],
  ])("takes %s for a no: exit 3, nothing touched", async (_name, reply) => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      const talk = converse(scene, ["up"]);
      await talk.question();
      if (reply === undefined) talk.stdin.end();
      else talk.stdin.write(reply);
      expect(await talk.code).toBe(3);
      expect(talk.stdout()).toBe("Nothing was touched.\n");
      expect(await scene.database.query("SELECT to_regclass('schema_migrations') AS ledger")).toEqual([
        { ledger: null },
      ]);
    });
  });

  it("ends at once with the signal's code", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      const talk = converse(scene, ["up"]);
      await talk.question();
      talk.controller.abort(
        new AppError("interrupted", "Stopped by SIGINT.", { details: { exitCode: 130 } }),
      );
      expect(await talk.code).toBe(130);
      expect(read(talk.stderr())).toMatch(/Apply them\? \[y\/N\] \r\nerror: Stopped by SIGINT\.\n$/);
    });
  });

  it("keeps no lock and no transaction while a person thinks, and outlasts idle_session_timeout", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await scene.database.query(`ALTER DATABASE ${scene.database.name} SET idle_session_timeout = '300ms'`);
      const ours = `SELECT state, clock_timestamp() - state_change > interval '700ms' AS long,
                           (SELECT count(*)::int FROM pg_locks l WHERE l.pid = a.pid) AS locks
                      FROM pg_stat_activity a WHERE datname = current_database() AND application_name LIKE 'headgate migrate up%'`;
      const talk = converse(scene, ["up"]);
      await talk.question();
      // Longer than the server would let a session idle.
      let seen: unknown[] = [];
      await waitForCondition("a long silence", async () => {
        seen = await scene.database.query(ours);
        return (seen[0] as { long?: boolean } | undefined)?.long !== false;
      });
      expect(seen).toEqual([{ state: "idle", long: true, locks: 0 }]);
      talk.stdin.write("yes\n");
      expect(await talk.code).toBe(0);
    });
  });

  it("tells a failure in plain words, and the answer has no escapes", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, { "000001_one.up.sql": "SELECT 1 / 0;" });
      const talk = converse(scene, ["up", "--yes"], { NO_COLOR: "" });
      expect(await talk.code).toBe(6);
      expect(read(talk.stderr())).toContain("\u001B[31mfailed  \u001B[39m  000001_one");
      const status = converse(scene, ["status"]);
      expect(await status.code).toBe(0);
      expect(status.stdout()).not.toContain("\u001B");
    });
  });
});

describe("migrate down", () => {
  it("says what data goes: tables and columns with how many rows they hold", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        ...two,
        "000003_three.up.sql":
          "CREATE SCHEMA shop; CREATE TABLE shop.orders (id int) PARTITION BY RANGE (id);",
        "000003_three.down.sql": "DROP SCHEMA shop CASCADE;",
        "000004_four.up.sql": "SELECT 1;",
        "000004_four.down.sql":
          "DROP TABLE IF EXISTS never_there; ALTER TABLE one DROP COLUMN note; ALTER TABLE two RENAME TO second; TRUNCATE second; DO $$ BEGIN END $$;",
      });
      await migrate(scene);
      await scene.database.query(
        "CREATE TABLE shop.orders_first PARTITION OF shop.orders FOR VALUES FROM (0) TO (100000)",
      );
      await scene.database.query("INSERT INTO shop.orders SELECT generate_series(1, 12000)");
      await scene.database.query("INSERT INTO one SELECT generate_series(1, 1)");
      await scene.database.query("ANALYZE");
      const talk = converse(scene, ["down", "-n", "0"]);
      await talk.question();
      talk.stdin.write("n\n");
      expect(await talk.code).toBe(3);
      expect(read(talk.stderr())).toBe(
        `These migrations will be reverted, in this order:
  000004_four
    ! data in column one.note (≈ 1 row) is lost
    ! table two is emptied; it is empty already
    ! what its code does to data cannot be told beforehand
  000003_three
    ! data in table shop.orders (≈ 12,000 rows) is lost
    ! data in table shop.orders_first (≈ 12,000 rows) is lost
  000002_two
    ! table two goes; it is empty
  000001_one
    ! data in table one (≈ 1 row) is lost
Revert them? [y/N] `,
      );
      const { document } = await ask(scene, "down", "-n", "0", "--yes");
      expect((document["dataLoss"] as unknown[])[0]).toEqual({
        migration: "000004_four",
        action: "drop-column",
        table: "one",
        column: "note",
        rows: 1,
      });
    });
  });

  it("does not wait for a table that somebody has locked, to say so", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, two);
      await migrate(scene);
      await withTestSession(scene.database.address, async ({ client }) => {
        await client.query("BEGIN; LOCK TABLE two");
        const talk = converse(scene, ["down", "-n", "1"]);
        await talk.question();
        talk.stdin.end();
        expect(await talk.code).toBe(3);
        expect(talk.stderr()).toContain("data in table two (an unknown number of rows) is lost");
      });
    });
  });
});
