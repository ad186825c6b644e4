import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { EarlySession } from "../../database/early-session.ts";
import { closeSession, leaveSession, openSession, type Session } from "../../database/session.ts";
import { withMigrationSession } from "../../migrate/migration-session.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const isKnown = async ({ backendPid }: Session): Promise<boolean> =>
  (await database.query("SELECT FROM pg_stat_activity WHERE pid = $1", [backendPid])).length > 0;

describe("a session that is left", () => {
  it("is ended by the server, and nobody waits for that", async () => {
    const session = await openSession(database.address, "test", 5000);
    expect(await isKnown(session)).toBe(true);
    leaveSession(session);
    expect(session.lostBecause()).toBeUndefined();
    await waitForCondition("the server to end it", async () => !(await isKnown(session)));
    await waitForCondition("the connection to be closed", () => session.lostBecause() !== undefined);
  });
});

describe("an early session", () => {
  const begin = (): EarlySession => new EarlySession(database.address, "early", 5000);
  const theirPid = async (): Promise<unknown> => {
    const rows = await database.query(
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'headgate early%' AND state = 'idle'",
    );
    return rows[0]?.["pid"];
  };

  it("belongs to the first who takes it", async () => {
    const early = begin();
    const session = await early.take();
    expect(await isKnown(session!)).toBe(true);
    expect(await early.take()).toBeUndefined();
    await early.drop();
    expect(await isKnown(session!)).toBe(true);
    await closeSession(session!);
  });

  it("is not given away when it has ended, or could not be had", async () => {
    // That it has ended is known when the server's good-bye has arrived, which may be a moment after its end.
    await waitForCondition("a session whose end is known", async () => {
      const early = begin();
      const pid = await waitForCondition("the session", theirPid);
      await database.query("SELECT pg_terminate_backend($1, 10000)", [pid]);
      const session = await early.take();
      if (session !== undefined) await closeSession(session);
      return session === undefined;
    });
    const refused = new EarlySession({ ...database.address, password: "wrong" }, "test", 5000);
    expect(await refused.take()).toBeUndefined();
  });

  it("is ended when it is dropped", async () => {
    const early = begin();
    await early.drop();
    await waitForCondition("the server to end it", async () => (await theirPid()) === undefined);
  });
});

describe("a migration's session", () => {
  const work = async (fails: boolean): Promise<Session> => {
    let used: Session | undefined;
    await withMigrationSession(database.config, { activity: "test" }, ({ session }) => {
      used = session;
      return fails ? Promise.reject(new Error("as planned")) : Promise.resolve();
    }).catch(() => undefined);
    return used!;
  };

  it("is over when its work has failed: whoever takes over need not wait for its locks", async () => {
    expect((await work(true)).lostBecause()).toBeDefined();
  });

  it("is over soon when its work is done", async () => {
    const session = await work(false);
    await waitForCondition("the server to end it", async () => !(await isKnown(session)));
  });
});
