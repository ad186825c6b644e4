import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { closeSession, interruptSession, openSession, type Session } from "../../database/session.ts";
import { keepAwake } from "../../database/watchdog.ts";
import { migrateUp } from "../../migrate/up.ts";
import { configOf, createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

let database: TestDatabase;
let session: Session;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  session = await openSession(database.address, "quiet", 5000);
});
afterEach(async () => await closeSession(session));

/** Resolves when the server's clock has gone on for so long; asks over another connection. */
const passes = async (seconds: number): Promise<unknown> =>
  await database.query(`SELECT pg_sleep(${seconds})`);

describe("an idle session", () => {
  it("outlasts the server's limit for idle transactions while it is kept awake, and not without", async () => {
    await session.client.query("SET idle_in_transaction_session_timeout = '400ms'; BEGIN");
    const end = keepAwake(session, 50);
    await passes(1);
    expect(session.lostBecause()).toBeUndefined();
    end();
    await waitForCondition("the server to end it", () => session.lostBecause() !== undefined);
  });

  it("is kept awake in a failed transaction, and may still set its transaction's level behind that", async () => {
    await session.client.query("SET idle_in_transaction_session_timeout = '400ms'; BEGIN");
    const end = keepAwake(session, 20);
    await passes(0.2);
    await session.client.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    await session.client.query("SELECT 1 / 0").catch(() => undefined);
    await passes(0.6);
    expect(session.lostBecause()).toBeUndefined();
    await session.client.query("ROLLBACK");
    end();
  });

  it("is kept awake between the answers of a client that is used in the meantime", async () => {
    const end = keepAwake(session, 1);
    const answers: number[] = [];
    for (let number = 0; number < 200; number++) {
      const { rows } = await session.client.query<{ n: number }>("SELECT $1::int AS n", [number]);
      answers.push(rows[0]!.n);
    }
    end();
    expect(answers).toEqual(Array.from({ length: 200 }, (_, number) => number));
  });
});

describe("a migration", () => {
  it("runs under a limit for idle sessions, whatever the database says", async () => {
    const folder = await mkdtemp(join(tmpdir(), "headgate-idle-"));
    await writeFile(
      join(folder, "000001_look.up.sql"),
      "CREATE TABLE seen AS SELECT name, setting FROM pg_settings WHERE name IN ('idle_in_transaction_session_timeout', 'idle_session_timeout')",
    );
    await migrateUp(configOf(database.url, { MIGRATIONS_DIR: folder }));
    const rows = await database.query("SELECT DISTINCT setting FROM seen");
    expect(rows).toEqual([{ setting: "60000" }]);
    await rm(folder, { recursive: true });
  });
});

describe("a request to stop what the server does for a session", () => {
  it("does not reach a backend that has the same number and began at another time", async () => {
    const sleeping = session.client.query("SELECT pg_sleep(2)").then(
      () => "slept",
      () => "cancelled",
    );
    const stranger = { ...session, backendStart: "1.5" };
    const before = (
      await database.query("SELECT FROM pg_stat_activity WHERE application_name LIKE 'headgate cancel%'")
    ).length;
    const end = interruptSession(stranger);
    await waitForCondition("the request", async () => {
      const rows = await database.query(
        "SELECT FROM pg_stat_activity WHERE application_name LIKE 'headgate cancel%' AND query LIKE '%pg_cancel_backend%' AND state = 'idle'",
      );
      return rows.length > before;
    });
    end();
    expect(await sleeping).toBe("slept");
  });

  it("reaches its own", async () => {
    const sleeping = session.client.query("SELECT pg_sleep(60)");
    const end = interruptSession(session);
    await expect(sleeping).rejects.toMatchObject({ code: "57014" });
    end();
  });
});
