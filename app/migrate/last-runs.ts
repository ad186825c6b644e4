import { isAlive } from "./dead-runs.ts";
import { addedColumns, hasColumn, type AddedColumn, type LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";

/** How the last try at a migration ended that is not applied. */
export interface LastRun {
  readonly name: string;
  readonly direction: "up" | "down";
  readonly state: "running" | "failed" | "stopped" | "interrupted";
  /** Its backend is there; null where the ledger does not know it. */
  readonly isAlive: boolean | null;
  readonly startedAt: Date;
  readonly host: string;
  readonly operator: string | null;
  /** The first line of what the server said. */
  readonly error: string | null;
}

/** By name, the newest runs that neither applied nor reverted anything and that no later run has settled. */
export async function readLastRuns(
  database: Queryable,
  tables: LedgerTables,
): Promise<ReadonlyMap<string, LastRun>> {
  const { runs } = tables;
  const names = Object.keys(addedColumns) as AddedColumn[];
  const { rows: found } = await database.query(
    `SELECT pg_catalog.to_regclass($1) IS NOT NULL AS runs, ${names.map((name) => `${hasColumn("$1", name)} AS ${name}`).join(", ")}`,
    [runs],
  );
  const has = found[0] as Record<AddedColumn | "runs", boolean>;
  if (!has.runs) return new Map();
  const columns = new Set(names.filter((name) => has[name]));
  const { rows } = await database.query(
    `SELECT r.name, r.direction, ${has.ending ? "coalesce(r.ending, r.state)" : "r.state"} AS state,
            ${columns.has("backend_pid") ? `CASE WHEN r.backend_pid IS NOT NULL THEN ${isAlive(columns)} END` : "NULL"} AS "isAlive",
            r.started_at AS "startedAt", r.host, ${has.operator ? "r.operator" : "NULL"} AS operator,
            pg_catalog.split_part(r.error ->> 'message', E'\\n', 1) AS error
       FROM (SELECT DISTINCT ON (n.name) n.* FROM ${runs} n ORDER BY n.name, n.id DESC) r
      WHERE r.state IN ('running', 'failed')`,
  );
  return new Map((rows as LastRun[]).map((run) => [run.name, run]));
}
