import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPool } from "../../database/pool.ts";
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
});
