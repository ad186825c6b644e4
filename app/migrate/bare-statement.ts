import { runText } from "../database/run-text.ts";
import { guardSettings, type Session } from "../database/session.ts";
import { AppError } from "../errors.ts";
import { dropLeftovers, readIndex } from "./invalid-index.ts";
import type { Recovery } from "./outside-statements.ts";
import type { PreparedMigration } from "./prepare.ts";
import { asOurselves } from "./recorded-transaction.ts";
import { keepLock, type RunContext } from "./run-context.ts";
import { recordProgress, recordResumeBlocked, recordStatementStarted } from "./run-progress.ts";
import type { Statement } from "./statements.ts";

/**
 * A statement that PostgreSQL takes only outside a transaction: announced in the ledger before and recorded after. What
 * an interruption leaves of it is repaired, or recognised as done.
 */
export async function runBare(
  context: RunContext,
  migration: PreparedMigration,
  statement: Statement,
  index: number,
  id: string,
  wasInterrupted: boolean,
  lookBehind: () => Promise<string | null>,
): Promise<void> {
  const { session, tables, listener } = context;
  const { concurrently, recovery } = statement;
  const warn = (text: string): void => listener({ type: "warning", name: migration.file.name, text });
  if (concurrently !== undefined) {
    const dropped = await dropLeftovers(session, concurrently, warn);
    if (dropped.length > 0)
      warn(`dropped ${dropped.join(", ")}: INVALID, left by an interrupted build; it is built again`);
  }
  await asOurselves(session, async () => await recordStatementStarted(session.client, tables, id, index));
  const found = await lookAt(session, recovery);
  // A half-done statement is finished, also one that somebody else left: PostgreSQL refuses to begin it again.
  const half = found?.half === true ? found.finish : undefined;
  if (
    wasInterrupted &&
    (concurrently?.action === "create"
      ? (await readIndex(session, concurrently))?.isValid === true
      : found?.done === true)
  ) {
    warn(
      concurrently?.action === "create"
        ? `the index ${concurrently.index} was finished by the interrupted run`
        : `statement ${index + 1} was finished by the interrupted run`,
    );
  } else {
    if (half !== undefined) warn(`statement ${index + 1} was left half done; ${half} ends it`);
    const { statementTimeout = 0, lockTimeout = 0 } = migration.directives;
    const settings = [
      ...guardSettings(session),
      // Cut off in the middle these leave traces; what commits by itself may be told otherwise.
      `SET lock_timeout = ${recovery === "unknown" ? lockTimeout : 0}`,
      `SET statement_timeout = ${statementTimeout}`,
    ];
    await session.client.query(settings.join("; "));
    await runText(session, half ?? statement.text).catch(async (error: unknown) => {
      if (recovery === "unknown") leavesTraces.add(error as Error);
      else if ((await lookAt(session, recovery).catch(() => undefined))?.half === true)
        leavesTraces.add(error as Error);
      if (concurrently?.action === "create") {
        const dropped = await dropLeftovers(session, concurrently, warn).catch(() => []);
        if (dropped.length > 0) warn(`the failed build left ${dropped.join(", ")} INVALID; it was dropped`);
      }
      throw error;
    });
  }
  if (concurrently?.action === "create" && (await readIndex(session, concurrently))?.isValid === false) {
    throw new AppError("migration-failed", `the index ${concurrently.index} is INVALID after it was built`);
  }
  await keepLock(context, migration, `${migration.file.name}, statement ${index + 1},`);
  const blocked = await lookBehind();
  await asOurselves(session, async () => {
    await recordProgress(session.client, tables, id, index + 1, 0);
    if (blocked !== null) await recordResumeBlocked(session.client, tables, id, blocked);
  });
}

/** Failures behind which a statement is not as if it had never begun: its mark in the ledger stays. */
export const leavesTraces: WeakSet<Error> = new WeakSet();

interface Found {
  readonly done: boolean;
  readonly half: boolean;
  readonly finish: string | undefined;
}

/** What the catalogue says of a statement; undefined where nothing needs to be asked. */
async function lookAt({ client }: Session, recovery: Recovery | undefined): Promise<Found | undefined> {
  if (typeof recovery !== "object") return undefined;
  const { sql, values, finish } = recovery;
  const { rows } = await client.query<{ done: boolean; half: boolean }>(sql, [...values]);
  return { ...rows[0]!, finish };
}
