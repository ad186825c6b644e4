import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { terminateSession, type Session } from "../database/session.ts";
import { AppError } from "../errors.ts";
import type { LedgerTables } from "./ledger-tables.ts";

/** Who holds the migration lock, as far as the server shows it to us. */
export interface LockHolder {
  readonly pid: number;
  /** What the holder said it is doing, with its host and process. */
  readonly applicationName: string;
  readonly clientAddress: string | null;
  readonly state: string | null;
  /** Since when its connection is there. */
  readonly since: Date | null;
}

export interface LockWaitOptions {
  /** Longest wait, in milliseconds, for a holder that makes no progress. */
  readonly budget: number;
  readonly signal?: AbortSignal | undefined;
  /** Told when waiting begins, when the holder or what it does changes, and every 10 s. */
  readonly onWait?: (holder: LockHolder | undefined, waited: number) => void;
}

/**
 * The key of the advisory lock for one ledger. Advisory locks are per database, so two applications that share one must
 * not share a key.
 *
 * @param database the name that the server gives (`Session.database`): a configured one may be a pooler's alias, and two
 *   names would be two locks
 */
export function lockKey(database: string, tables: Pick<LedgerTables, "schema" | "migrationsName">): bigint {
  const text = JSON.stringify(["headgate", database, tables.schema, tables.migrationsName]);
  return createHash("sha256").update(text).digest().readBigInt64BE(0);
}

/**
 * Takes the lock if it is free. Never blocks. Beside the exclusive lock stands a shared one on the same key, its witness,
 * by which `holdsLock` tells whether it is still there.
 */
export async function tryLock(session: Session, key: bigint): Promise<boolean> {
  const { rows } = await session.client.query<{ locked: boolean }>(
    "SELECT CASE WHEN pg_catalog.pg_try_advisory_lock($1) THEN pg_catalog.pg_try_advisory_lock_shared($1) ELSE false END AS locked",
    [key.toString()],
  );
  return rows[0]?.locked ?? false;
}

/**
 * Waits for the lock by asking again and again: between two questions the session is idle. A session that blocks inside
 * `pg_advisory_lock()` holds a snapshot, and CREATE INDEX CONCURRENTLY waits for every older snapshot: a deadlock.
 *
 * The budget starts again whenever the holder makes progress, so healthy waiters outlast a long migration.
 *
 * @returns how long it took, in milliseconds
 * @throws AppError `lock-not-obtained` when the budget is used up, `interrupted` on abort
 */
export async function waitForLock(session: Session, key: bigint, options: LockWaitOptions): Promise<number> {
  const started = Date.now();
  let lastProgress = started;
  let lastReport = Number.NEGATIVE_INFINITY;
  let lastSeen = "";
  let lastName = "";
  while (!(await tryLock(session, key))) {
    const holder = await readLockHolder(session, key);
    const now = Date.now();
    if (holder === undefined || holder.isWorking || holder.seen !== lastSeen) lastProgress = now;
    if (now - lastProgress >= options.budget) throw notObtained(holder, now - started);
    if (holder?.applicationName !== lastName || now - lastReport >= 10_000) {
      options.onWait?.(holder, now - started);
      lastReport = now;
    }
    lastSeen = holder?.seen ?? "";
    lastName = holder?.applicationName ?? "";
    // Jitter, so that fifty replicas do not ask in step.
    await sleep(
      150 + Math.random() * 200,
      undefined,
      options.signal === undefined ? {} : { signal: options.signal },
    ).catch(() => undefined);
    if (options.signal?.aborted)
      throw new AppError("interrupted", "Stopped while waiting for the migration lock.");
  }
  return Date.now() - started;
}

/**
 * SQL, true when the session that asks holds the lock; a migration may have given it up. The witness is given back and
 * taken again, which the exclusive lock beside it lets nobody else do: a lookup in pg_locks costs the server ten times
 * as much. Where there is no witness the server warns; the statement is for a message that begins with `withoutNotices`.
 */
export function holdsLock(key: bigint): string {
  return `CASE WHEN pg_catalog.pg_advisory_unlock_shared('${key}') THEN pg_catalog.pg_try_advisory_lock_shared('${key}') ELSE false END`;
}

/** What the server says of our own statements is not for whoever migrates. Holds until the transaction ends. */
export const withoutNotices = "SET LOCAL client_min_messages = error";

/**
 * Gives the lock back. A session that lost it, or its connection, has nothing to give: no error. One that gets no answer
 * in two seconds is not waited for: the session is ended on the server, and the lock goes with it.
 */
export async function unlock(session: Session, key: bigint): Promise<void> {
  if (session.lostBecause() !== undefined) return;
  const waiting = new AbortController();
  const unlocked = session.client
    .query("SELECT pg_catalog.pg_advisory_unlock_shared($1), pg_catalog.pg_advisory_unlock($1)", [
      key.toString(),
    ])
    .then(() => true)
    .catch(() => true);
  const answered = await Promise.race([
    unlocked,
    sleep(2000, false, { signal: waiting.signal }).catch(() => true),
  ]);
  waiting.abort();
  if (!answered) await terminateSession(session);
}

/** A bigint key appears in pg_locks as two halves. */
function lockCondition(key: bigint): string {
  const unsigned = BigInt.asUintN(64, key);
  return `l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.classid = ${unsigned >> 32n}::oid AND l.objid = ${unsigned & 0xffff_ffffn}::oid
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`;
}

export interface ObservedHolder extends LockHolder {
  /** Changes whenever the holder does something new. */
  readonly seen: string;
  /** The server is computing or reading for it at this moment: not waiting for a lock, a timer or its client. */
  readonly isWorking: boolean;
}

/** The holder of the lock, as far as our role may see it; undefined when nobody has it. */
export async function readLockHolder(session: Session, key: bigint): Promise<ObservedHolder | undefined> {
  const { rows } = await session.client.query<{
    pid: number;
    application_name: string | null;
    client_addr: string | null;
    state: string | null;
    backend_start: Date | null;
    query_start: Date | null;
    state_change: Date | null;
    wait_event_type: string | null;
  }>(
    `SELECT l.pid, a.application_name, pg_catalog.host(a.client_addr) AS client_addr, a.state, a.backend_start, a.query_start, a.state_change, a.wait_event_type
       FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      WHERE ${lockCondition(key)}`,
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    pid: row.pid,
    applicationName: row.application_name ?? "unknown",
    clientAddress: row.client_addr,
    state: row.state,
    since: row.backend_start,
    seen: [row.pid, row.application_name, row.query_start?.getTime(), row.state_change?.getTime()].join(" "),
    isWorking:
      row.state === "active" &&
      (row.wait_event_type === null || row.wait_event_type === "IO" || row.wait_event_type === "LWLock"),
  };
}

/** The holder as it stands in a JSON answer. */
export interface HolderFacts extends Omit<LockHolder, "since"> {
  /** ISO 8601 in UTC. */
  readonly since: string | null;
}

export function holderFacts({ pid, applicationName, clientAddress, state, since }: LockHolder): HolderFacts {
  return { pid, applicationName, clientAddress, state, since: since?.toISOString() ?? null };
}

function notObtained(holder: LockHolder | undefined, waited: number): AppError {
  const who =
    holder === undefined
      ? "an unknown session"
      : `${holder.applicationName} (backend pid ${holder.pid}, from ${holder.clientAddress ?? "a local socket"}, ${holder.state ?? "state unknown"}, connected since ${holder.since?.toISOString() ?? "unknown"})`;
  return new AppError(
    "lock-not-obtained",
    `The migration lock was not obtained in ${Math.round(waited / 1000)} s. It is held by ${who}, which makes no progress. ` +
      `If that process is gone or stuck, end it, or: SELECT pg_terminate_backend(${holder?.pid ?? "pid"}).`,
    { details: holder === undefined ? {} : { holder: holderFacts(holder) } },
  );
}
