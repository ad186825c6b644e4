import type { RequestListener } from "node:http";
import { createPool } from "../../database/pool.ts";
import { createApiApp } from "../../http/api-app.ts";
import { createMetrics } from "../../http/metrics.ts";
import { createOperationsApp } from "../../http/operations-app.ts";
import { ResponseCache } from "../../http/response-cache.ts";
import { Readiness } from "../../http/readiness.ts";
import { createLog } from "../../log.ts";
import { readSchemaExpectation } from "../../migrate/readiness.ts";
import { readSchemaOverview, type SchemaOverview } from "../../migrate/schema-overview.ts";
import { SnapshotReader } from "../../registry/snapshot.ts";
import { PublishTokens } from "../../registry/publish-tokens.ts";
import { watched } from "./contract-check.ts";
import type { TestDatabase } from "./test-database.ts";

export interface TestApi {
  /** Every answer of it is compared with openapi.yaml; a test that got another one fails. */
  readonly app: RequestListener;
  readonly operations: ReturnType<typeof createOperationsApp>;
  readonly readiness: Readiness;
  readonly cache: ResponseCache;
  /** Every line of the log so far. */
  log(): Record<string, unknown>[];
  close(): Promise<void>;
}

/** The API's two apps on a database, without ports. */
export function createTestApi(
  database: Pick<TestDatabase, "config">,
  limits: { readonly mostInFlight?: number } = {},
): TestApi {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const log = createLog({ level: "debug", format: "json", stream });
  const pool = createPool(database.config, () => undefined);
  const expectation = readSchemaExpectation(database.config);
  const readiness = new Readiness(pool, expectation, log);
  const readSchema = (): Promise<SchemaOverview> => readSchemaOverview(pool, expectation);
  const cache = new ResponseCache(new SnapshotReader(pool), 1024 * 1024);
  const metrics = createMetrics({ pool, cache, tables: expectation.tables, readiness, process: false });
  const file = database.config.publishTokensFile;
  const tokens = file === undefined ? undefined : new PublishTokens(file, (error) => log.error({ error }));
  return {
    app: watched(
      createApiApp({ database: pool, cache, ...limits, tokens, readiness, readSchema, metrics, log }),
    ),
    operations: createOperationsApp({ readiness, metrics, log }),
    readiness,
    cache,
    log: () => lines.map((line): Record<string, unknown> => JSON.parse(line)),
    close: () => pool.end(),
  };
}
