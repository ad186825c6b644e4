import { ownSettingsLocally } from "../database/own-settings.ts";
import { runText } from "../database/run-text.ts";
import { guardSettings, type Session } from "../database/session.ts";
import { inTransaction } from "../database/transaction.ts";
import type { RunContext } from "./run-context.ts";
import { recordProgress, recordResumeBlocked } from "./run-progress.ts";

/**
 * One statement and the record that `done` statements have taken effect, in one transaction.
 *
 * @returns how many rows it changed
 */
export async function inRecordedTransaction(
  context: RunContext,
  id: string,
  done: number,
  lockTimeout: number,
  statementTimeout: number,
  text: string,
  lookBehind: () => Promise<string | null> = async () => null,
): Promise<number> {
  const { session, tables } = context;
  // The guards each time: an earlier statement may have been RESET ALL.
  const opening = ["BEGIN READ WRITE", ...guardSettings(session), ...timeouts(lockTimeout, statementTimeout)];
  return await inTransaction(session, opening, async () => {
    const { rowsChanged } = await runText(session, text);
    const blocked = await lookBehind();
    await session.client.query(ourselves.join("; "));
    await recordProgress(session.client, tables, id, done, rowsChanged);
    if (blocked !== null) await recordResumeBlocked(session.client, tables, id, blocked);
    return rowsChanged;
  });
}

/** Our own role and settings for our own table, until `work` is committed; what the file has SET holds for its next statement. */
export async function asOurselves(session: Session, work: () => Promise<void>): Promise<void> {
  await inTransaction(session, ["BEGIN READ WRITE", ...ourselves], work);
}

function timeouts(lock: number, statement: number): string[] {
  return [`SET LOCAL lock_timeout = ${lock}`, `SET LOCAL statement_timeout = ${statement}`];
}

/**
 * The role first: afterwards settings of another role may be beyond us. Ours is the one that the session began with,
 * which made the ledger: `ALTER ROLE … SET role` makes that another one than the role that logged in.
 */
export const ourselves = [
  "SET LOCAL SESSION AUTHORIZATION DEFAULT",
  "SET LOCAL ROLE TO DEFAULT",
  ...ownSettingsLocally,
];
