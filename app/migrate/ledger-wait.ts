import { codeOf } from "../database/sqlstate.ts";
import { AppError } from "../errors.ts";
import { beginningOf, keyOf, nameBlockers, shortNameOf } from "./blockers.ts";
import type { Blocker } from "./events.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";

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
      const seen = blockers.map(keyOf).join();
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

/** Who holds one of the tables, or queues for it, so that no reader gets in: sessions and prepared transactions. */
async function readHolders(
  database: Queryable,
  { migrations, runs }: LedgerTables,
): Promise<readonly Blocker[]> {
  const { rows } = await database.query(
    // The locks of a prepared transaction have no pid; the one on its own number tells which it is.
    `WITH locks AS (SELECT * FROM pg_catalog.pg_locks)
     SELECT DISTINCT coalesce(a.pid, 0) AS pid, CASE WHEN x.gid IS NULL THEN a.state ELSE 'prepared' END AS state, a.query,
            extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(a.xact_start, x.prepared))::float8 * 1000 AS age,
            a.application_name AS "applicationName", x.gid, x.owner
       FROM locks l
       LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
       LEFT JOIN locks own ON l.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid' AND own.virtualtransaction = l.virtualtransaction
       LEFT JOIN pg_catalog.pg_prepared_xacts x ON x.transaction = own.transactionid
      WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
        AND l.relation IN (pg_catalog.to_regclass($1)::oid, pg_catalog.to_regclass($2)::oid)
        AND (a.pid IS NOT NULL OR x.gid IS NOT NULL)
      ORDER BY pid`,
    [migrations, runs],
  );
  return (rows as (Blocker & { gid: string | null; owner: string | null })[]).map(
    ({ gid, owner, ...blocker }) => ({
      ...blocker,
      ...(gid === null ? {} : { prepared: { gid, owner: owner ?? "" } }),
      query: beginningOf(blocker.query ?? ""),
      age: blocker.age === null ? null : Math.round(blocker.age),
    }),
  );
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
        : first.prepared === undefined
          ? `Wait for that session or end it: SELECT pg_terminate_backend(${first.pid}).`
          : `Whoever prepared it must end it: COMMIT or ROLLBACK ${shortNameOf(first).replace("prepared transaction", "PREPARED")}.`),
    { cause, details: { blockers: blockers.map(({ pid }) => pid) } },
  );
}
