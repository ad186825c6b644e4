import { ownSettings } from "../database/own-settings.ts";
import { resetStatements, type Session } from "../database/session.ts";
import { AppError } from "../errors.ts";
import type { Listener } from "./events.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import { queryTogether } from "../database/transaction.ts";
import { holdsLock, tryLock, withoutNotices } from "./lock.ts";
import type { PreparedMigration } from "./prepare.ts";
import type { RunMemory } from "./run-memory.ts";

/** What every step of a run works with. The session holds the lock. */
export interface RunContext {
  readonly session: Session;
  readonly tables: LedgerTables;
  readonly lockKey: bigint;
  /** Milliseconds. */
  readonly lockTimeout: number;
  readonly retries: number;
  /** How long this run waited for the migration lock; goes into its first record. */
  readonly waitedMs: number;
  /** Of a run that goes on when it loses its connection, and which life of the server this one is. */
  readonly memory?: RunMemory;
  readonly serverLife?: string;
  readonly listener: Listener;
  /** Milliseconds without a word, after which a running migration is said to run on; 15 s unless given. */
  readonly silence?: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a migration must tell of itself for the lock to be kept in its name. */
export interface Lockable {
  readonly file: Pick<PreparedMigration["file"], "name">;
  readonly direction: PreparedMigration["direction"];
}

/** What the ledger keeps of a step: the text of both directions, and what it is a part of. */
export interface RecordedTexts {
  readonly up: string | undefined;
  readonly down: string | undefined;
  readonly intent?: "redo" | undefined;
}

/**
 * Makes sure that we still hold the migration lock. A migration that gave it up (`pg_advisory_unlock_all`, `DISCARD
 * ALL`) is reported, and the lock taken again if nobody else has it by now.
 *
 * @param after what may have given it up, where something of the migration has run already
 * @param held what `holdsLock` said just now, where the caller has asked already
 * @throws AppError `lock-lost` when somebody has it, or had it and has done this migration
 */
export async function keepLock(
  context: RunContext,
  { file: { name }, direction }: Lockable,
  after?: string,
  held?: boolean,
): Promise<void> {
  if (held ?? (await asksForLock(context))) return;
  const cause = await takeLockAgain(context, { file: { name }, direction }, after);
  context.listener({
    type: "warning",
    name,
    text: `${cause}; it was taken again at once. Take that statement out.`,
  });
}

/**
 * Takes a lock again that was lost.
 *
 * @returns how it was lost, as the beginning of a sentence
 * @throws AppError `lock-lost` as `keepLock`
 */
export async function takeLockAgain(
  { session, lockKey, tables }: RunContext,
  { file: { name }, direction }: Lockable,
  after?: string,
): Promise<string> {
  const cause =
    after === undefined
      ? "The migration lock was lost"
      : `${after} released the migration lock (pg_advisory_unlock_all or DISCARD ALL?)`;
  if (!(await tryLock(session, lockKey))) {
    throw new AppError(
      "lock-lost",
      `${cause}, and another runner has taken it. This run stops here; the other one goes on.`,
    );
  }
  const { rows } = await session.client.query(
    `SELECT 1 FROM ${tables.migrations} m WHERE m.name::pg_catalog.text OPERATOR(pg_catalog.=) $1::pg_catalog.text`,
    [name],
  );
  if (rows.length > 0 === (direction === "up")) {
    throw new AppError(
      "lock-lost",
      `${cause}, and another runner has ${direction === "up" ? "applied" : "reverted"} ${name} in the meantime. This run stops here.`,
    );
  }
  return cause;
}

async function asksForLock({ session, lockKey }: RunContext): Promise<boolean> {
  const row = await queryTogether<{ held: boolean }>(session, askForLock(lockKey));
  return row?.held ?? false;
}

function askForLock(lockKey: bigint): string[] {
  return [withoutNotices, `SELECT ${holdsLock(lockKey)} AS held`];
}

/**
 * A clean session under our own settings, in which we still hold the lock.
 *
 * @throws AppError as `keepLock`
 */
export async function beginClean(context: RunContext, migration: Lockable): Promise<void> {
  const { session, lockKey } = context;
  const row = await queryTogether<{ held: boolean }>(session, [
    ...resetStatements(session, `migrate ${migration.direction} ${migration.file.name}`),
    ...ownSettings,
    ...askForLock(lockKey),
  ]);
  await keepLock(context, migration, undefined, row?.held ?? false);
}

/** @throws AppError `interrupted` once the signal has fired */
export function stopIfAborted({ signal }: Pick<RunContext, "signal">): void {
  if (signal?.aborted)
    throw new AppError("interrupted", "Stopped by a signal; what was not committed is rolled back.");
}
