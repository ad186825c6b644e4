import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { DatabaseAddress } from "../config/settings.ts";
import { clientOptions } from "./client-options.ts";
import { ownSettings, setOwnSettings } from "./own-settings.ts";

/** One connection of our own, never borrowed from a pool, with the ears that node-postgres needs. */
export interface Session {
  readonly client: pg.Client;
  readonly address: DatabaseAddress;
  /** The process that serves us, as the server itself says. */
  readonly backendPid: number;
  /** When that process began, and when the server did: seconds since 1970 as the server writes them. */
  readonly backendStart: string;
  readonly serverStart: string;
  /** A pooler or proxy is in between: the process that greeted us is not the one that serves us. */
  readonly isPooled: boolean;
  readonly serverVersion: number;
  /** Its name as the server knows it; a pooler may know the database by another one. */
  readonly database: string;
  /** The schemas of the role's own search path that exist, `pg_catalog` among them; our statements run under another. */
  readonly searchPath: readonly string[];
  /** The server only reads: a standby, or one that is still recovering. */
  readonly inRecovery: boolean;
  /** Why the connection ended, once it has; undefined while it lives. */
  lostBecause(): Error | undefined;
  /** Called for each notice that the server sends; one listener at a time. */
  onNotice(listener: ((notice: NoticeLike) => void) | undefined): void;
}

export interface NoticeLike {
  readonly message?: string | undefined;
  /** In the language of the server's messages. */
  readonly severity?: string | undefined;
  /** SQLSTATE. */
  readonly code?: string | undefined;
}

/** PostgreSQL keeps 63 bytes of an application_name. */
export const applicationNameLimit = 63;

/** `headgate migrate … @host:pid`, cut so that the end, which says whose it is, survives. */
export function applicationName(activity: string): string {
  return `headgate ${activity}`.slice(0, applicationNameLimit - owner().length) + owner();
}

let ownerText: string | undefined;

/** Whose session it is: ` @host:pid`. */
function owner(): string {
  ownerText ??= ` @${hostname().slice(0, 20)}:${process.pid}`;
  return ownerText;
}

/**
 * A connected session. Its owner must call `closeSession`.
 *
 * @param connectTimeout in milliseconds, until the server has answered a first question
 * @param signal breaks off the attempt
 * @throws what node-postgres throws when it cannot connect
 */
export async function openSession(
  address: DatabaseAddress,
  activity: string,
  connectTimeout: number,
  signal?: AbortSignal,
): Promise<Session> {
  const client = new pg.Client({
    ...clientOptions(address, applicationName(activity)),
    connectionTimeoutMillis: Math.max(1, connectTimeout),
    // The system's own default waits for two hours before it asks a silent peer whether it is there.
    keepAliveInitialDelayMillis: 10_000,
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
  // node-postgres' own time-out ends with the greeting; a wire that takes everything and brings nothing may begin behind it.
  const breakOff = (): void => breakClient(client);
  const timer = setTimeout(breakOff, Math.max(1, connectTimeout) + 100);
  signal?.addEventListener("abort", breakOff, { once: true });
  try {
    await client.connect();
    const { processID } = client as unknown as { processID: number | null };
    const { rows } = await client.query<Greeting>(greeting(processID));
    const { pid, started, booted, version, recovery, database, path } = rows[0]!;
    return {
      client,
      address,
      backendPid: pid,
      backendStart: started,
      serverStart: booted,
      isPooled: pid !== processID,
      serverVersion: Number(version),
      database,
      searchPath: path,
      inRecovery: recovery,
      lostBecause: () => lost,
      onNotice: (next) => {
        listener = next;
      },
    };
  } catch (error) {
    breakClient(client);
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", breakOff);
  }
}

interface Greeting {
  readonly pid: number;
  readonly started: string;
  readonly booted: string;
  readonly version: string;
  readonly recovery: boolean;
  readonly database: string;
  readonly path: readonly string[];
}

/**
 * The first question, which makes `ownSettings` hold for what follows. Itself it runs under the role's search path, so
 * everything in it is qualified. Behind a pooler nothing is set: the backend may be another client's in a moment.
 */
function greeting(processId: number | null): string {
  const isDirect = `pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) ${processId ?? 0}`;
  return `SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_setting('server_version_num') AS version,
    pg_catalog.pg_is_in_recovery() AS recovery, pg_catalog.current_database()::pg_catalog.text AS database,
    (SELECT ${secondsOf("a.backend_start")} FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) a) AS started,
    ${secondsOf("pg_catalog.pg_postmaster_start_time()")} AS booted,
    pg_catalog.current_schemas(true)::pg_catalog.text[] AS path, CASE WHEN ${isDirect} THEN ${setOwnSettings} END AS set`;
}

/** SQL, a point in time as text that no setting changes, to the microsecond. */
function secondsOf(time: string): string {
  return `extract(epoch FROM ${time})::pg_catalog.text`;
}

/** Ends the connection, whatever state it is in. Never throws and never takes longer than a second. */
export async function closeSession(session: Session): Promise<void> {
  if (session.lostBecause() !== undefined) return;
  const timer = setTimeout(() => breakClient(session.client), 1000);
  await session.client.end().catch(() => undefined);
  clearTimeout(timer);
}

/**
 * Says goodbye and does not wait until the server's process has ended, which takes it a few milliseconds: for a session
 * that nothing runs in, in a program that has done its work.
 */
export function leaveSession({ client }: Session): void {
  client.end().catch(() => undefined);
  (client as unknown as { unref(): void }).unref();
}

/** Breaks the connection; whoever waits for an answer on it gets the reason as an error. */
export function breakSession({ client }: Session, reason: Error): void {
  breakClient(client, reason);
}

function breakClient(client: pg.Client, reason?: Error): void {
  const { connection } = client as unknown as { connection?: { stream?: { destroy(reason?: Error): void } } };
  connection?.stream?.destroy(reason);
}

/**
 * Lets the server find out within a few seconds when we are gone, whatever it is doing for us: a killed runner must not
 * keep its locks. While a query runs, the server looks at the socket every two seconds; a machine that vanished without
 * a word is found by keepalives, or by what it does not acknowledge. Session settings: RESET ALL takes them away.
 */
export function guardSettings({ serverVersion }: Pick<Session, "serverVersion">): string[] {
  return [
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
    "SET tcp_user_timeout = '10s'",
    ...(serverVersion >= 140_000 ? ["SET client_connection_check_interval = '2s'"] : []),
  ];
}

/** Makes `guardSettings` hold before anything is locked. */
export async function guardSession(session: Session): Promise<void> {
  await session.client.query(guardSettings(session).join("; "));
}

/**
 * How long the server lets a session of ours be idle. While it lives it says something four times in that time
 * (`keepAwake`), also where a migration waits for its own code: one that says nothing has lost its process or its wire,
 * and would hold its locks for ever behind a middlebox that answers for it.
 */
export const idleLimit = "1min";

/** Of `resetStatements` what holds for every server and every client. */
export const cleanSession: readonly string[] = [
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
];

/**
 * Statements that put the session into the state that every migration may count on, the role's own search path and
 * settings among it: no role, schema path, time zone, encoding,
 * temporary table or prepared statement is left from the file before; no time-outs; and `guardSettings`. `DISCARD ALL`
 * would also give up our advisory lock, so its parts are named.
 */
export function resetStatements(
  session: Pick<Session, "client" | "serverVersion">,
  activity: string,
): string[] {
  return [
    ...cleanSession,
    ...guardSettings(session),
    `SET idle_in_transaction_session_timeout = '${idleLimit}'`,
    ...(session.serverVersion >= 140_000 ? [`SET idle_session_timeout = '${idleLimit}'`] : []),
    ...(session.serverVersion >= 170_000 ? ["SET transaction_timeout = 0"] : []),
    `SET application_name = ${session.client.escapeLiteral(applicationName(activity))}`,
  ];
}

/** Takes away what a migration has left in the session, for statements of our own. */
export async function resetSession(session: Session, activity: string): Promise<void> {
  await session.client.query([...resetStatements(session, activity), ...ownSettings].join("; "));
}

const patience = 1500;

/**
 * Makes the server stop what it does for the session, over a connection of its own. It asks again until it is told that
 * the work has ended: a request that arrives between two statements cancels nothing. Where that does not help in 1.5 s,
 * the session is ended on both sides. Never throws.
 *
 * @returns what the caller calls when the work has ended
 */
export function interruptSession(session: Session): () => void {
  const over = new AbortController();
  const timer = setTimeout(() => {
    void terminateSession(session);
    breakSession(session, new Error("the server did not stop in time"));
  }, patience);
  void cancelUntil(session, over.signal).catch(() => undefined);
  return () => {
    clearTimeout(timer);
    over.abort();
  };
}

async function cancelUntil(session: Session, over: AbortSignal): Promise<void> {
  const other = await openSession(session.address, "cancel", patience, over);
  try {
    while (!over.aborted && session.lostBecause() === undefined) {
      await signalBackend(other, "pg_cancel_backend", session);
      await sleep(100, undefined, { signal: over }).catch(() => undefined);
    }
  } finally {
    await closeSession(other);
  }
}

/**
 * Ends the session on the server, over a connection of its own: for one that gets no answers any more, while something
 * on the way keeps it open on the other side, where it would hold its locks. Never throws, never takes longer than 3 s.
 */
export async function terminateSession(session: Session): Promise<void> {
  try {
    const other = await openSession(session.address, "terminate", patience);
    const timer = setTimeout(() => breakClient(other.client), patience);
    await signalBackend(other, "pg_terminate_backend", session).catch(() => undefined);
    clearTimeout(timer);
    await closeSession(other);
  } catch {
    // Then the server has to find out by itself.
  }
}

/**
 * Sends a signal to the backend of a session, if it is that one: by now another process may have its number, or another
 * server may answer under this address. A migration that has taken our name away is not found; its connection is broken
 * then, which its server notices.
 *
 * @returns whether it was there
 */
async function signalBackend(
  { client }: Session,
  signal: "pg_cancel_backend" | "pg_terminate_backend",
  { backendPid, backendStart }: Pick<Session, "backendPid" | "backendStart">,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT pg_catalog.${signal}(a.pid) FROM pg_catalog.pg_stat_activity a
      WHERE a.pid = $1 AND ${secondsOf("a.backend_start")} = $2 AND pg_catalog.right(a.application_name, $3) = $4`,
    [backendPid, backendStart, owner().length, owner()],
  );
  return rowCount === 1;
}
