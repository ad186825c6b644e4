import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { leaveSession, openSession, type Session } from "../../database/session.ts";
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
