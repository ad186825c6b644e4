import { hostname } from "node:os";
import pg from "pg";
import type { DatabaseAddress } from "../config/settings.ts";
import { clientOptions } from "./client-options.ts";

/** One connection of our own, never borrowed from a pool, with the ears that node-postgres needs. */
export interface Session {
  readonly client: pg.Client;
  readonly address: DatabaseAddress;
  /** The process that serves us, as the server itself says. */
  readonly backendPid: number;
  readonly serverVersion: number;
  /** Why the connection ended, once it has; undefined while it lives. */
  lostBecause(): Error | undefined;
  /** Called for each notice that the server sends; one listener at a time. */
  onNotice(listener: ((notice: NoticeLike) => void) | undefined): void;
}

export interface NoticeLike {
  readonly message?: string | undefined;
  readonly severity?: string | undefined;
}

/** PostgreSQL keeps 63 bytes of an application_name. */
export const applicationNameLimit = 63;

/** `headgate migrate … @host:pid`, cut so that the end, which says whose it is, survives. */
export function applicationName(activity: string): string {
  const owner = ` @${hostname().slice(0, 20)}:${process.pid}`;
  return `headgate ${activity}`.slice(0, applicationNameLimit - owner.length) + owner;
}

/**
 * A connected session. Its owner must call `closeSession`.
 *
 * @throws what node-postgres throws when it cannot connect
 */
export async function openSession(
  address: DatabaseAddress,
  activity: string,
  connectTimeout: number,
): Promise<Session> {
  const client = new pg.Client({
    ...clientOptions(address, applicationName(activity)),
    connectionTimeoutMillis: Math.max(1, connectTimeout),
  });
  let lost: Error | undefined;
  let listener: ((notice: NoticeLike) => void) | undefined;
  // Without these listeners a terminated backend would end our process.
  client.on("error", (error) => {
    lost ??= error;
  });
  client.on("end", () => {
    lost ??= new Error("the connection was closed");
  });
  client.on("notice", (notice) => listener?.(notice));
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number; version: number }>(
      "SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version",
    );
    const { pid, version } = rows[0]!;
    return {
      client,
      address,
      backendPid: pid,
      serverVersion: version,
      lostBecause: () => lost,
      onNotice: (next) => {
        listener = next;
      },
    };
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** Ends the connection, whatever state it is in. Never throws and never takes longer than a second. */
export async function closeSession(session: Session): Promise<void> {
  if (session.lostBecause() !== undefined) return;
  const timer = setTimeout(() => destroy(session), 1000);
  await session.client.end().catch(() => undefined);
  clearTimeout(timer);
}

function destroy({ client }: Session): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}

/**
 * Puts the session into the state that every migration may count on: no role, schema path, time zone, encoding,
 * temporary table or prepared statement is left from the file before; no time-outs; and the server finds out within
 * two seconds when we are gone. `DISCARD ALL` would also give up our advisory lock, so its parts are named.
 */
export async function resetSession(session: Session, activity: string): Promise<void> {
  const statements = [
    "CLOSE ALL",
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "RESET ALL",
    "DEALLOCATE ALL",
    "UNLISTEN *",
    "DISCARD TEMP",
    "DISCARD SEQUENCES",
    "SET statement_timeout = 0",
    "SET lock_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
    ...(session.serverVersion >= 140_000
      ? ["SET client_connection_check_interval = '2s'", "SET idle_session_timeout = 0"]
      : []),
    ...(session.serverVersion >= 170_000 ? ["SET transaction_timeout = 0"] : []),
    `SET application_name = ${session.client.escapeLiteral(applicationName(activity))}`,
  ];
  await session.client.query(statements.join("; "));
}

/** Asks the server to stop what the session is doing, over a connection of its own. Best effort; never throws. */
export async function cancelSession(session: Session): Promise<void> {
  try {
    const other = await openSession(session.address, "cancel", 2000);
    await other.client.query("SELECT pg_cancel_backend($1)", [session.backendPid]);
    await closeSession(other);
  } catch {
    destroy(session);
  }
}
