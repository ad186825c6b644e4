import type { LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";

/**
 * SQL, true for a run `r` whose backend lives. A backend that our role may not look at shows no start: it counts as that
 * of the run, since only deferred work is ever asked about that another session may hold.
 */
export function isAlive(columns: LedgerTables["columns"]): string {
  if (!columns.has("backend_pid") || !columns.has("backend_start")) return "false";
  return `EXISTS (SELECT FROM pg_catalog.pg_stat_activity a
            WHERE a.pid = r.backend_pid AND (a.backend_start IS NULL OR a.backend_start = r.backend_start))`;
}

/**
 * Says of runs that call themselves running and are not that they were interrupted: their process or their connection
 * has ended. The caller holds the migration lock, so nobody else runs a migration; deferred work has a lock of its own,
 * and is left alone while its backend lives. Also settles what a copy of another server's database brings along.
 */
export async function settleDeadRuns(database: Queryable, { runs, columns }: LedgerTables): Promise<void> {
  const ending = columns.has("ending") ? ", ending = 'interrupted'" : "";
  await database.query(
    `UPDATE ${runs} r SET state = 'failed'${ending}
      WHERE r.state = 'running' AND NOT (r.directives ->> 'deferred' IS NOT NULL AND r.direction = 'up' AND ${isAlive(columns)})`,
  );
}
