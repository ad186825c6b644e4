import { setTimeout as sleep } from "node:timers/promises";
import type { Session } from "../../database/session.ts";
import { codeOf, retryable } from "../../database/sqlstate.ts";
import { inTransaction } from "../../database/transaction.ts";
import { AppError } from "../../errors.ts";
import { backOff } from "../apply-in-transaction.ts";
import type { Listener } from "../events.ts";
import { describeFailure, migrationFailed, summaryOf } from "../failure.ts";
import { stopIfAborted } from "../run-context.ts";
import { createWatcher } from "../watch.ts";
import { readContents, type Content } from "./contents.ts";

export interface DropOptions {
  /** The schema that stays when everything in it goes: that of the ledger. */
  readonly keptSchema: string;
  /** Milliseconds. */
  readonly lockTimeout: number;
  readonly retries: number;
  readonly listener: Listener;
  readonly signal?: AbortSignal | undefined;
}

const statementsInOneMessage = 200;

/**
 * Drops what `readContents` lists, in one transaction with what `afterwards` does: whoever is killed here leaves all of
 * it or nothing. Tried again, from its beginning, when somebody's lock is in the way.
 *
 * @throws AppError `database-refused` when something belongs to a role that ours may not act as, `migration-failed` when
 *   something could not be dropped, `interrupted`; nothing is dropped then
 */
export async function dropContents(
  session: Session,
  options: DropOptions,
  afterwards: () => Promise<void> = async () => undefined,
): Promise<void> {
  const { lockTimeout, retries, signal } = options;
  const watcher = createWatcher(session, lockTimeout, options.listener);
  const { listener } = watcher;
  try {
    for (let attempt = 1; ; attempt++) {
      watcher.watch("reset");
      try {
        return await dropOnce(session, options, afterwards);
      } catch (error) {
        stopIfAborted(options);
        if (error instanceof AppError || session.lostBecause() !== undefined) throw error;
        if (!retryable.has(codeOf(error) ?? "") || attempt > retries) throw await notDropped(error);
        const delay = backOff(attempt);
        listener({ type: "retry", name: "reset", attempt, retries, delay, reason: summaryOf(error) });
        await sleep(delay, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
        stopIfAborted(options);
      }
    }
  } finally {
    await watcher.close();
  }
}

async function dropOnce(
  session: Session,
  { keptSchema, lockTimeout }: DropOptions,
  afterwards: () => Promise<void>,
): Promise<void> {
  await inTransaction(session, ["BEGIN READ WRITE", `SET LOCAL lock_timeout = ${lockTimeout}`], async () => {
    const contents = await readContents(session.client, keptSchema);
    refuseForeign(contents);
    for (let from = 0; from < contents.length; from += statementsInOneMessage) {
      const statements = contents.slice(from, from + statementsInOneMessage).map(({ drop }) => drop);
      await session.client.query(statements.join("; "));
    }
    await afterwards();
  });
}

const mostNamed = 5;

/** @throws AppError `database-refused` */
export function refuseForeign(contents: readonly Content[]): void {
  const foreign = contents.filter(({ foreignOwner }) => foreignOwner !== null);
  if (foreign.length === 0) return;
  const named = foreign.slice(0, mostNamed).map(({ name, foreignOwner }) => `${name} (of "${foreignOwner}")`);
  const more = foreign.length > mostNamed ? `, and ${foreign.length - mostNamed} more` : "";
  throw new AppError(
    "database-refused",
    `This database holds what belongs to other roles; nothing was dropped: ${named.join(", ")}${more}. ` +
      "Let their owners drop them or give them to the role that migrates, or let migrations use a role that may act as theirs: MIGRATE_DB_USER.",
    { details: { foreign: foreign.map(({ name, foreignOwner }) => ({ name, owner: foreignOwner })) } },
  );
}

async function notDropped(error: unknown): Promise<AppError> {
  const { lines, recorded } = await describeFailure(error, { file: "reset", text: "", offset: 0 });
  return migrationFailed(
    "The reset",
    lines,
    "It was rolled back; nothing was dropped.",
    { ...recorded },
    error,
  );
}
