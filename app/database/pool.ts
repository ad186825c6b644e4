import pg from "pg";
import type { Config } from "../config/settings.ts";
import { clientOptions } from "./client-options.ts";

export type Pool = pg.Pool;

/**
 * The API's connections. Opens none until the first query. `onError` hears of idle connections that broke; without a
 * listener node-postgres would end the process.
 */
export function createPool(config: Config, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    ...clientOptions(config.database, "headgate serve"),
    max: config.poolSize,
    connectionTimeoutMillis: config.connectTimeout,
    idleTimeoutMillis: config.idleTimeout,
    statement_timeout: config.statementTimeout,
    // The server ends a slow statement by itself; this is for a connection on which nothing arrives any more. 0: no limit.
    query_timeout: config.statementTimeout === 0 ? 0 : config.statementTimeout + 1000,
  });
  pool.on("error", onError);
  return pool;
}

/** Makes the first connection, so that the first query finds it. What is in the way the query will say. */
export function openConnection(pool: pg.Pool): void {
  pool.connect().then(
    (client) => client.release(),
    () => undefined,
  );
}
