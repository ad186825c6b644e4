import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPool, onFirstConnection } from "../../database/pool.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe("a pool", () => {
  it("whose statements have no limit waits for one of more than a second", async () => {
    const pool = createPool({ ...database.config, statementTimeout: 0 }, () => undefined);
    const { rows } = await pool.query("SELECT 1 AS one FROM pg_sleep(1.2)");
    await pool.end();
    expect(rows).toEqual([{ one: 1 }]);
  });

  it("ends a statement at its limit", async () => {
    const pool = createPool({ ...database.config, statementTimeout: 50 }, () => undefined);
    await expect(pool.query("SELECT pg_sleep(5)")).rejects.toMatchObject({ code: "57014" });
    await pool.end();
  });

  it("cuts a connection on which the answer does not come, and opens another", async () => {
    const { config } = database;
    const proxy = await startTcpProxy(config.database.port);
    const pool = createPool(
      {
        ...config,
        statementTimeout: 50,
        database: { ...config.database, host: "127.0.0.1", port: proxy.port },
      },
      () => undefined,
    );
    await pool.query("SELECT 1");
    proxy.silence();
    await expect(pool.query("SELECT 1")).rejects.toThrow("PostgreSQL has sent nothing for 1050 ms");
    expect((await pool.query("SELECT 2 AS two")).rows).toEqual([{ two: 2 }]);
    await pool.end();
    await proxy.cut();
  });

  it("leaves a connection alone that nobody waits on, however long it has been silent", async () => {
    const broken: Error[] = [];
    const pool = createPool({ ...database.config, statementTimeout: 50 }, (error) => broken.push(error));
    const own = async (): Promise<unknown> => (await pool.query("SELECT pg_backend_pid() AS pid")).rows;
    const before = await own();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect([await own(), broken]).toEqual([before, []]);
    await pool.end();
  });

  it("tells of a connection that is made while there is no other", async () => {
    const pool = createPool(database.config, () => undefined);
    let told = 0;
    onFirstConnection(pool, () => told++);
    const sleepTwice = (): Promise<unknown> =>
      Promise.all([pool.query("SELECT pg_sleep(0.1)"), pool.query("SELECT pg_sleep(0.1)")]);
    await sleepTwice();
    expect([told, pool.totalCount]).toEqual([1, 2]);
    const { rows } = await pool.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    await database.query("SELECT pg_terminate_backend($1)", [rows[0]!.pid]);
    await waitForCondition("the end of one", () => pool.totalCount === 1);
    await sleepTwice();
    expect([told, pool.totalCount]).toEqual([1, 2]);
    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'headgate serve%'",
    );
    await waitForCondition("the end of both", () => pool.totalCount === 0);
    await sleepTwice();
    expect(told).toBe(2);
    await pool.end();
  });
});
