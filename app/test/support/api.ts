import { createPool } from "../../database/pool.ts";
import { createApiApp } from "../../http/api-app.ts";
import { createOperationsApp } from "../../http/operations-app.ts";
import { Readiness } from "../../http/readiness.ts";
import { createLog } from "../../log.ts";
import { readSchemaExpectation } from "../../migrate/readiness.ts";
import type { TestDatabase } from "./test-database.ts";

export interface TestApi {
  readonly app: ReturnType<typeof createApiApp>;
  readonly operations: ReturnType<typeof createOperationsApp>;
  readonly readiness: Readiness;
  /** Every line of the log so far. */
  log(): Record<string, unknown>[];
  close(): Promise<void>;
}

/** The API's two apps on a database, without ports. */
export function createTestApi(database: Pick<TestDatabase, "config">): TestApi {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const log = createLog({ level: "debug", format: "json", stream });
  const pool = createPool(database.config, () => undefined);
  const readiness = new Readiness(pool, readSchemaExpectation(database.config), log);
  return {
    app: createApiApp({ database: pool, readiness, log }),
    operations: createOperationsApp({ readiness, log }),
    readiness,
    log: () => lines.map((line): Record<string, unknown> => JSON.parse(line)),
    close: () => pool.end(),
  };
}
