import type { Socket } from "node:net";
import pg from "pg";
import type { Config } from "../config/settings.ts";
import { clientOptions } from "./client-options.ts";
import { setServingSettings } from "./own-settings.ts";

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
    // oxlint-disable-next-line typescript/no-misused-promises -- its types leave out that it is waited for.
    onConnect: async (client) => await setUp(client, config.connectTimeout),
  });
  pool.on("error", onError);
  // The server ends a slow statement by itself. 0: no limit.
  if (config.statementTimeout > 0) cutSilentConnections(pool, config.statementTimeout + 1000);
  return pool;
}

/**
 * Makes our settings hold for the connection, before anybody gets it, and keeps the search path of the role aside. Both
 * not behind a pooler, where the backend may be another client's in a moment.
 */
async function setUp(client: pg.ClientBase, timeout: number): Promise<void> {
  const { processID, connection } = client as unknown as {
    processID: number | null;
    connection: { stream: Socket };
  };
  const timer = setTimeout(() => {
    connection.stream.destroy(new Error(`PostgreSQL has sent nothing for ${timeout} ms`));
  }, timeout);
  try {
    await client.query(
      `SELECT pg_catalog.set_config('headgate.role_path', pg_catalog.current_schemas(false)::pg_catalog.text, false), ${setServingSettings}
        WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) ${processID ?? 0}`,
    );
  } finally {
    clearTimeout(timer);
  }
}

/** Makes the first connection, so that the first query finds it. What is in the way the query will say. */
export function openConnection(pool: pg.Pool): void {
  pool.connect().then(
    (client) => client.release(),
    () => undefined,
  );
}

/**
 * Tells of a connection that is made while there is no other. As long as one lives, the server is the same, and has not
 * crashed: a crash ends them all.
 */
export function onFirstConnection(pool: pg.Pool, listener: () => void): void {
  const living = new Set<pg.PoolClient>();
  pool.on("connect", (client) => {
    if (living.size === 0) listener();
    living.add(client);
    client.once("end", () => living.delete(client));
  });
}

/**
 * Cuts a connection on which nothing arrives for `timeout` ms while somebody waits for an answer. With the timer that a
 * socket has anyway: node-postgres' own (`query_timeout`) is one per query and holds on to the whole answer, so that most
 * of them outlive the young generation of the garbage collector.
 */
function cutSilentConnections(pool: pg.Pool, timeout: number): void {
  const busy = new Set<pg.PoolClient>();
  pool.on("acquire", (client) => busy.add(client));
  pool.on("release", (_error, client) => busy.delete(client));
  pool.on("connect", (client) => {
    const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
    stream.setTimeout(timeout, () => {
      if (busy.has(client)) stream.destroy(new Error(`PostgreSQL has sent nothing for ${timeout} ms`));
    });
  });
}
