import type { Config } from "./config/settings.ts";
import { startDeferredMigrations } from "./deferred-migrations.ts";
import { createPool, onFirstConnection, type Pool } from "./database/pool.ts";
import { createApiApp } from "./http/api-app.ts";
import { openListener, type Listener } from "./http/listener.ts";
import { createMetrics } from "./http/metrics.ts";
import { createOperationsApp } from "./http/operations-app.ts";
import { Readiness } from "./http/readiness.ts";
import { ResponseCache } from "./http/response-cache.ts";
import type { Logger } from "./log.ts";
import { readSchemaExpectation } from "./migrate/readiness.ts";
import { readSchemaOverview, type SchemaOverview } from "./migrate/schema-overview.ts";
import { SnapshotReader } from "./registry/snapshot.ts";
import { PublishTokens } from "./registry/publish-tokens.ts";

/** A running API. */
export interface Service {
  readonly port: number;
  readonly operationsPort: number;
  /** Ends in order, once: not ready → the API's last answers → the operations port → the pool. */
  stop(): Promise<void>;
}

/**
 * Opens both ports; returns once they are open. The database need not answer yet: until it does, requests get 503.
 *
 * @param pool becomes the service's, which ends it
 *
 * @throws AppError when a port cannot be had, or the migration files or the tokens are wrong
 */
export async function startService(
  config: Config,
  log: Logger,
  pool: Pool = createPool(config, (error) => log.warn({ error }, "an idle database connection broke")),
): Promise<Service> {
  const listeners: Listener[] = [];
  try {
    const expectation = readSchemaExpectation(config);
    const tokens = readTokens(config, log);
    const readiness = new Readiness(pool, expectation, log);
    const cache = createCache(pool, config);
    const metrics = createMetrics({ pool, cache, tables: expectation.tables, readiness });
    const address = config.address ?? { port: config.port };
    const setting = config.address === undefined ? "PORT" : "ADDRESS (--address)";
    const readSchema = (): Promise<SchemaOverview> => readSchemaOverview(pool, expectation);
    const app = createApiApp({ database: pool, cache, tokens, readiness, readSchema, metrics, log });
    const api = await openListener(app, { address, setting });
    listeners.push(api);
    const operations = await openListener(createOperationsApp({ readiness, metrics, log }), {
      address: { ...(address.host === undefined ? {} : { host: address.host }), port: config.operationsPort },
      setting: "OPERATIONS_PORT",
    });
    listeners.push(operations);
    log.info({ port: api.port, host: address.host ?? "*" }, "API listening");
    log.info({ port: operations.port, host: address.host ?? "*" }, "operations listening");

    const deferred = startDeferredMigrations(config, log, {
      hasDeferred: expectation.hasDeferred,
      isReady: async () => (await readiness.read()).status === "ready",
    });
    const stop = async (): Promise<void> => {
      const started = Date.now();
      readiness.stop();
      const stoppedDeferred = deferred.stop();
      const cut = await api.close(config.shutdownTimeout);
      if (cut > 0) log.warn({ requests: cut }, "cut requests that did not finish within SHUTDOWN_TIMEOUT");
      await operations.close(0);
      await within(poolTimeout, Promise.all([stoppedDeferred, pool.end()]));
      log.info({ durationMs: Date.now() - started }, "stopped");
    };
    let stopped: Promise<void> | undefined;
    return { port: api.port, operationsPort: operations.port, stop: () => (stopped ??= stop()) };
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close(0)));
    await pool.end();
    throw error;
  }
}

/** @throws AppError `configuration` */
function readTokens({ publishTokensFile }: Config, log: Logger): PublishTokens | undefined {
  if (publishTokensFile === undefined) return undefined;
  return new PublishTokens(publishTokensFile, (error) =>
    log.error({ error }, "the changed file of tokens cannot be used; those from before stay"),
  );
}

function createCache(pool: Pool, { responseCacheMb }: Config): ResponseCache | undefined {
  if (responseCacheMb === 0) return undefined;
  const cache = new ResponseCache(new SnapshotReader(pool), responseCacheMb * 1024 * 1024);
  onFirstConnection(pool, () => cache.clear());
  return cache;
}

/** For a query that nobody waits for any more; PostgreSQL ends it with its statement timeout. */
const poolTimeout = 1_000;

async function within(timeout: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([promise, new Promise<void>((resolve) => (timer = setTimeout(resolve, timeout)))]);
  clearTimeout(timer);
}
