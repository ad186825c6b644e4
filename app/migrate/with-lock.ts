import type { Config } from "../config/settings.ts";
import { guardSession } from "../database/session.ts";
import { readServerLife } from "../database/server-life.ts";
import type { Listener } from "./events.ts";
import { settleDeadRuns } from "./dead-runs.ts";
import { ensureLedger } from "./ensure-ledger.ts";
import { lockKey, unlock, waitForLock } from "./lock.ts";
import { assertCanMigrate, type MigrationSession } from "./migration-session.ts";
import type { RunContext } from "./run-context.ts";
import type { RunMemory } from "./run-memory.ts";

/** What every command that changes the schema can be told. */
export interface RunOptions {
  readonly listener?: Listener;
  readonly signal?: AbortSignal | undefined;
}

export interface LockOptions extends RunOptions {
  /** Of a run that goes on when it loses its connection. */
  readonly memory?: RunMemory;
}

/**
 * Holds the migration lock while `work` runs. The ledger exists by then.
 *
 * @throws AppError as `assertCanMigrate` and `waitForLock`; otherwise what `work` throws
 */
export async function withMigrationLock<T>(
  migrationSession: MigrationSession,
  config: Config,
  options: LockOptions,
  work: (context: RunContext) => Promise<T>,
): Promise<T> {
  const { session } = migrationSession;
  const { signal, memory, listener = () => undefined } = options;
  await assertCanMigrate(migrationSession);
  await guardSession(session);
  const key = lockKey(session.database, migrationSession.tables);
  const waitedMs = await waitForLock(session, key, {
    budget: config.lockWait,
    signal,
    onWait: (holder, waited) => listener({ type: "waiting-for-lock", holder, waited }),
  });
  try {
    const warn = (text: string): void => listener({ type: "warning", name: "ledger", text });
    const tables = await ensureLedger(session.client, migrationSession.tables, warn);
    await settleDeadRuns(session.client, tables);
    return await work({
      session,
      tables,
      lockKey: key,
      lockTimeout: config.lockTimeout,
      retries: config.retries,
      waitedMs,
      ...(memory === undefined ? {} : { memory, serverLife: await readServerLife(session) }),
      listener,
      signal,
    });
  } finally {
    await unlock(session, key);
  }
}
