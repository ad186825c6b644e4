import { codeOf } from "../database/sqlstate.ts";
import { AppError } from "../errors.ts";
import type { Blocker } from "./events.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";
import { beginningOf, nameBlockers } from "./watch.ts";

/** How a session waits for a ledger that somebody has locked. */
export interface LedgerPatience {
  /** Longest wait, in milliseconds. */
  readonly budget: number;
  /** Told when waiting begins, when another session is in the way, and every 10 s. */
  readonly onWait: (blockers: readonly Blocker[], waited: number) => void;
}

const patienceOf = new WeakMap<Queryable, LedgerPatience>();

/** From now on reads of the ledger over this connection say whom they wait for, and come to an end. */
export function setLedgerPatience(database: Queryable, patience: LedgerPatience): void {
  patienceOf.set(database, patience);
}

const oneTry = 1000;

/**
 * The rows of a statement without parameters that reads the ledger. It waits for the table one second at a time, so that
 * it can say who holds it.
 *
 * @throws AppError `lock-not-obtained` when the budget is used up; what the server says
 */
export async function readFromLedger(
  database: Queryable,
  tables: LedgerTables,
  text: string,
): Promise<readonly unknown[]> {
  const patience = patienceOf.get(database);
  if (patience === undefined) return (await database.query(text)).rows;
  const started = Date.now();
  let [lastReport, lastSeen] = [Number.NEGATIVE_INFINITY, ""];
  for (;;) {
    try {
      const tryFor = Math.max(1, Math.min(oneTry, patience.budget));
      // One message, so that the time-out is gone with it.
      const answer = await database.query(`SET LOCAL lock_timeout = ${tryFor}; ${text}`);
      return lastOf(answer).rows;
    } catch (error) {
      if (codeOf(error) !== "55P03") throw error;
      const blockers = await readHolders(database, tables);
      const waited = Date.now() - started;
      if (waited >= patience.budget) throw notRead(tables, blockers, waited, error);
      const seen = blockers.map(({ pid }) => pid).join();
      if (seen === lastSeen && waited - lastReport < 10_000) continue;
      [lastReport, lastSeen] = [waited, seen];
      patience.onWait(blockers, waited);
    }
  }
}

/** node-postgres answers several statements with a list. */
function lastOf(answer: unknown): { rows: unknown[] } {
  return (Array.isArray(answer) ? answer.at(-1) : answer) as { rows: unknown[] };
}

/** The sessions that hold one of the tables, or queue for it, so that no reader gets in. */
async function readHolders(
  database: Queryable,
  { migrations, runs }: LedgerTables,
): Promise<readonly Blocker[]> {
  const { rows } = await database.query(
    `SELECT DISTINCT a.pid, a.state, a.query, extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::float8 * 1000 AS age,
            a.application_name AS "applicationName"
       FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
      WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_catalog.pg_backend_pid()
        AND l.relation IN (pg_catalog.to_regclass($1)::oid, pg_catalog.to_regclass($2)::oid)
      ORDER BY a.pid`,
    [migrations, runs],
  );
  return (rows as Blocker[]).map((blocker) => ({
    ...blocker,
    query: beginningOf(blocker.query ?? ""),
    age: blocker.age === null ? null : Math.round(blocker.age),
  }));
}

function notRead(
  { migrations }: LedgerTables,
  blockers: readonly Blocker[],
  waited: number,
  cause: unknown,
): AppError {
  const who = blockers.length === 0 ? "a session that is gone by now" : nameBlockers(blockers);
  const [first] = blockers;
  return new AppError(
    "lock-not-obtained",
    `The ledger ${migrations} could not be read in ${Math.round(waited / 1000)} s: it is locked by ${who}. ` +
      (first === undefined
        ? "Run the command again."
        : `Wait for that session or end it: SELECT pg_terminate_backend(${first.pid}).`),
    { cause, details: { blockers: blockers.map(({ pid }) => pid) } },
  );
}
