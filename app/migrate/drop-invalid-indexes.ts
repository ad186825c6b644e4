import { resetSession, type Session } from "../database/session.ts";
import { readInvalidIndexes } from "./invalid-index.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import { insertRun } from "./run-progress.ts";
import type { RunRecord } from "./run-record.ts";

/** What the records of all repairs have in common: nothing was run. */
export const repairRecord = {
  direction: "repair",
  upText: undefined,
  directives: undefined,
  statementsDone: 0,
  statementsTotal: undefined,
  attempts: 0,
  waitedMs: 0,
} as const satisfies Partial<RunRecord>;

/**
 * Drops these invalid indexes one by one, without keeping anybody out of their tables, and records each. One that has
 * become valid in the meantime, or that somebody builds by now, stays. Runs outside a transaction.
 *
 * @returns the names of those that were dropped
 */
export async function dropInvalidIndexes(
  session: Session,
  tables: LedgerTables,
  names: readonly string[],
): Promise<string[]> {
  const dropped: string[] = [];
  // A time-out of the role would cut the waiting of CONCURRENTLY off and leave the index as it is.
  if (names.length > 0) await resetSession(session, "migrate repair");
  for (const name of names) {
    const startedAt = new Date();
    const index = (await readInvalidIndexes(session)).find((candidate) => candidate.name === name);
    if (index === undefined || index.builtBy !== null || index.isRequired) continue;
    const text = `DROP INDEX CONCURRENTLY IF EXISTS ${name}`;
    await session.client.query(text);
    dropped.push(name);
    await insertRun(session.client, tables, {
      ...repairRecord,
      // A name that no migration can have: the record is about none.
      file: { name: `index ${name}`, version: 0n, checksum: "", kind: "sql" },
      state: "reverted",
      upText: text,
      downText: undefined,
      startedAt,
    });
  }
  return dropped;
}
