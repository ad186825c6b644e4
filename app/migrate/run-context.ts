import { resetStatements, type Session } from "../database/session.ts";
import { AppError } from "../errors.ts";
import type { Listener } from "./events.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import { queryTogether } from "../database/transaction.ts";
import { holdsLock, tryLock } from "./lock.ts";
import type { PreparedMigration } from "./prepare.ts";

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
  readonly listener: Listener;
  readonly signal?: AbortSignal | undefined;
}

/** The text of both directions, for the ledger. */
export interface RecordedTexts {
  readonly up: string | undefined;
  readonly down: string | undefined;
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
  { file: { name }, direction }: Pick<PreparedMigration, "file" | "direction">,
  after?: string,
  held?: boolean,
): Promise<void> {
  const { session, lockKey, tables } = context;
  if (held ?? (await asksForLock(context))) return;
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
  const { rows } = await session.client.query(`SELECT 1 FROM ${tables.migrations} WHERE name = $1`, [name]);
  if (rows.length > 0 === (direction === "up")) {
    throw new AppError(
      "lock-lost",
      `${cause}, and another runner has ${direction === "up" ? "applied" : "reverted"} ${name} in the meantime. This run stops here.`,
    );
  }
  context.listener({
    type: "warning",
    name,
    text: `${cause}; it was taken again at once. Take that statement out.`,
  });
}

async function asksForLock({ session, lockKey }: RunContext): Promise<boolean> {
  const row = await queryTogether<{ held: boolean }>(session, [`SELECT ${holdsLock(lockKey)} AS held`]);
  return row?.held ?? false;
}

/**
 * A clean session for the migration, in which we still hold the lock.
 *
 * @throws AppError as `keepLock`
 */
export async function beginClean(
  context: RunContext,
  migration: Pick<PreparedMigration, "file" | "direction">,
): Promise<void> {
  const { session, lockKey } = context;
  const row = await queryTogether<{ held: boolean }>(session, [
    ...resetStatements(session, `migrate ${migration.direction} ${migration.file.name}`),
    `SELECT ${holdsLock(lockKey)} AS held`,
  ]);
  await keepLock(context, migration, undefined, row?.held ?? false);
}

/** @throws AppError `interrupted` once the signal has fired */
export function stopIfAborted({ signal }: Pick<RunContext, "signal">): void {
  if (signal?.aborted)
    throw new AppError("interrupted", "Stopped by a signal; what was not committed is rolled back.");
}
