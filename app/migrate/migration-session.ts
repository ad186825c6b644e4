import { isAbsolute, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/settings.ts";
import { connectWhenReady, placeOf } from "../database/preflight.ts";
import { ownSettings } from "../database/own-settings.ts";
import {
  closeSession,
  interruptSession,
  leaveSession,
  openSession,
  type Session,
} from "../database/session.ts";
import { codeOf, isConnectionLost } from "../database/sqlstate.ts";
import { keepAwake, watchConnection } from "../database/watchdog.ts";
import { AppError } from "../errors.ts";
import { projectRoot } from "../version.ts";
import { ConnectionLost } from "./connection-lost.ts";
import type { Listener } from "./events.ts";
import { ledgerTables, resolveLedgerTables, type LedgerTables } from "./ledger-tables.ts";
import { setLedgerPatience } from "./ledger-wait.ts";
import { missingPrivilege } from "./missing-privilege.ts";

export interface SessionOptions {
  /** Shown in `application_name`. */
  readonly activity: string;
  /** A command that only reads is content with a standby. */
  readonly readOnly?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly listener?: Listener | undefined;
  /** What is done while the connection is made, and awaited by `work`. Where it fails, the server is not waited for. */
  readonly meanwhile?: Promise<unknown>;
}

export interface MigrationSession {
  readonly session: Session;
  readonly tables: LedgerTables;
}

/** The folder of migrations; a relative one stands beside package.json, whatever folder we were started in. */
export function migrationsDirectory({
  migrationsDirectory: directory,
}: Pick<Config, "migrationsDirectory">): string {
  return isAbsolute(directory) ? directory : join(projectRoot, directory);
}

/**
 * Connects as the role that migrates, waiting until the server is ready, hands the session to `work` and ends it
 * whatever happens. When the signal fires, what the server is doing for us is cancelled.
 *
 * @throws what `meanwhile` throws; AppError as `connectWhenReady`, also when the connection is lost later; `interrupted` after the signal;
 *   otherwise what `work` throws
 */
export async function withMigrationSession<T>(
  config: Config,
  options: SessionOptions,
  work: (context: MigrationSession) => Promise<T>,
): Promise<T> {
  const { signal, listener, activity, readOnly = false } = options;
  const address = config.migrationDatabase;
  const tables = ledgerTables(config);
  const giveUp = new AbortController();
  const connecting = connectWhenReady({
    address,
    activity,
    timeout: config.waitTimeout,
    readOnly,
    signal: signal === undefined ? giveUp.signal : AbortSignal.any([signal, giveUp.signal]),
    onWait: (reason, elapsed) =>
      listener?.({
        type: "waiting-for-database",
        reason,
        elapsed,
        timeout: config.waitTimeout,
        place: placeOf(address),
      }),
  });
  let failure: { readonly reason: unknown } | undefined;
  options.meanwhile?.catch((error: unknown) => {
    failure = { reason: error };
    giveUp.abort();
  });
  const session = await connecting.catch((error: unknown) => {
    throw failure === undefined ? error : failure.reason;
  });
  const endWatch = watchConnection(session);
  const endKeepAwake = keepAwake(session);
  let endInterruption: (() => void) | undefined;
  const onAbort = (): void => {
    endInterruption = interruptSession(session);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  let isDone = false;
  try {
    // Only now, since behind a pooler in transaction mode what is set would meet other clients.
    if (session.isPooled && !(await isSharedBackend(session)))
      await session.client.query(ownSettings.join("; "));
    setLedgerPatience(session.client, {
      budget: readOnly ? Math.min(config.waitTimeout, config.lockWait) : config.lockWait,
      onWait: (blockers, waited) => listener?.({ type: "waiting-for-ledger", blockers, waited }),
    });
    const result = await work({ session, tables: await resolveLedgerTables(session.client, tables) });
    isDone = true;
    return result;
  } catch (error) {
    if (signal?.aborted && !(error instanceof AppError && error.code === "interrupted")) {
      throw new AppError("interrupted", "Stopped by a signal; what was not committed is rolled back.", {
        cause: error,
      });
    }
    if (!(error instanceof AppError) && (session.lostBecause() !== undefined || isConnectionLost(error)))
      throw new ConnectionLost(session, error, "Nothing is left half-done; run the command again.");
    throw codeOf(error) === "42501" ? await missingPrivilege(session, tables, error) : error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
    endInterruption?.();
    endWatch();
    endKeepAwake();
    if (isDone && !signal?.aborted) leaveSession(session);
    else await closeSession(session);
  }
}

/**
 * Refuses a connection on which an advisory lock would mean nothing, and a role that could not write the ledger.
 *
 * @throws AppError `database-refused`
 */
export async function assertCanMigrate({ session, tables }: MigrationSession): Promise<void> {
  if (await isSharedBackend(session)) {
    throw new AppError(
      "database-refused",
      `${placeOf(session.address)} is a connection pooler that gives each transaction another backend (PgBouncer's transaction mode?). ` +
        "Session locks do not work through it: give migrations a direct connection with MIGRATE_DATABASE_URL.",
    );
  }
  const { rows } = await session.client.query<{
    may_create_schema: boolean;
    may_create_table: boolean | null;
    may_write: boolean | null;
    only_reads: boolean;
  }>(
    `SELECT has_database_privilege(current_database(), 'CREATE') AS may_create_schema,
            has_schema_privilege(to_regnamespace($1)::oid, 'CREATE') AS may_create_table,
            has_table_privilege(to_regclass($2)::oid, 'INSERT') AS may_write,
            current_setting('default_transaction_read_only')::boolean AS only_reads`,
    [tables.schema === "" ? null : quoted(tables.schema), tables.migrations],
  );
  const {
    may_create_schema: mayCreateSchema,
    may_create_table: mayCreateTable,
    may_write: mayWrite,
    only_reads: onlyReads,
  } = rows[0]!;
  const { user, database } = session.address;
  if (onlyReads) {
    throw new AppError(
      "database-refused",
      `The role "${user}" only reads in database "${database}": default_transaction_read_only is on, for the role, the database or the server. Turn it off once it is clear why, or let migrations use another role: MIGRATE_DB_USER.`,
    );
  }
  if (mayWrite === true) return;
  if (mayWrite === false) throw lacking(`may not write to ${tables.migrations}`);
  if (mayCreateTable === false) throw lacking(`may not create tables in schema "${tables.schema}"`);
  if (mayCreateTable === null && !mayCreateSchema)
    throw lacking(`may not create the schema "${tables.schema}"`);

  function lacking(what: string): AppError {
    return new AppError(
      "database-refused",
      `The role "${user}" ${what} in database "${database}". Grant it, or let migrations use another role: MIGRATE_DB_USER and MIGRATE_DB_PASSWORD.`,
    );
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Whether two connections of ours meet in one backend. A server tells its clients its own process id when they connect;
 * only where that is not the id we are served by, a pooler is in between, and a second connection finds out its mode.
 */
export async function isSharedBackend(session: Session): Promise<boolean> {
  const { processID } = session.client as unknown as { processID: number | null };
  if (processID === session.backendPid) return false;
  // A pooler that has no second connection to give keeps the first one for us alone.
  const other = await openSession(session.address, "preflight", 3000).catch(() => undefined);
  if (other === undefined) return false;
  const question = new AbortController();
  try {
    await other.client.query("BEGIN");
    // With a single connection to share, ours would wait for the other's transaction to end.
    const late = sleep(2000, undefined, { signal: question.signal }).catch(() => undefined);
    const theirs = await backendPid(other);
    const ours = await Promise.race([backendPid(session), late]);
    return theirs === session.backendPid || ours !== session.backendPid;
  } finally {
    question.abort();
    await closeSession(other);
  }
}

async function backendPid({ client }: Session): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  return rows[0]!.pid;
}
