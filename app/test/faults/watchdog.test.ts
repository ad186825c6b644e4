import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { closeSession, openSession, type Session } from "../../database/session.ts";
import { watchConnection } from "../../database/watchdog.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import { takeTurns } from "./support/take-turns.ts";
import { startUnreliableProxy, type Fate, type UnreliableProxy } from "./support/unreliable-proxy.ts";

takeTurns("together");

const limits = { quiet: 400, unreachable: 1500 };

let database: TestDatabase;
let proxy: UnreliableProxy;
let session: Session;
let endWatch: () => void;
/** Asked about every connection but the first, which carries the session. */
let others: Fate;
let first: Fate;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  endWatch();
  await closeSession(session);
  await proxy.close();
});
afterAll(async () => await database.drop());

async function watch(): Promise<void> {
  [first, others] = ["pass", "pass"];
  proxy = await startUnreliableProxy({
    targetPort: database.address.port,
    decide: (_text, connection) => (connection === 1 ? first : others),
  });
  session = await openSession({ ...database.address, port: proxy.port }, "watched", 5000);
  endWatch = watchConnection(session, limits);
}

describe("the watch over a connection", () => {
  it("leaves a long statement alone, and one that waits for a lock too", async () => {
    await watch();
    await expect(session.client.query("SELECT 1 AS one FROM pg_sleep(3)")).resolves.toMatchObject({
      rows: [{ one: 1 }],
    });
    expect(session.lostBecause()).toBeUndefined();
    // It did look.
    expect(proxy.connections()).toBeGreaterThan(2);
  });

  it("leaves an idle session alone, without asking", async () => {
    await watch();
    await session.client.query("SELECT");
    await database.query("SELECT pg_sleep(1.5)");
    expect(session.lostBecause()).toBeUndefined();
    expect(proxy.connections()).toBe(1);
  });

  it("breaks a connection whose question never arrived, and ends it on the server", async () => {
    await watch();
    first = "black hole";
    await expect(session.client.query("SELECT")).rejects.toThrow("lost on the way");
    await waitForCondition("its end on the server", async () => {
      const rows = await database.query("SELECT FROM pg_stat_activity WHERE pid = $1", [session.backendPid]);
      return rows.length === 0;
    });
  });

  it("breaks a connection whose answer never arrived", async () => {
    await watch();
    first = "deaf";
    await expect(session.client.query("SELECT")).rejects.toThrow("lost on the way");
  });

  it("breaks a connection that the server no longer knows", async () => {
    await watch();
    first = "deaf";
    const [reason] = await Promise.all([
      session.client.query("SELECT pg_sleep(600)").catch((error: Error) => error.message),
      database.query("SELECT pg_terminate_backend($1)", [session.backendPid]),
    ]);
    expect(reason).toContain("does not know this connection");
  });

  it("breaks a connection to a server that is out of reach for too long", async () => {
    await watch();
    [first, others] = ["black hole", "black hole"];
    await expect(session.client.query("SELECT pg_sleep(600)")).rejects.toThrow(
      "could not be reached for 2 s",
    );
  });
});
