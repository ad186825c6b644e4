import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPool } from "../../database/pool.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";

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
});
