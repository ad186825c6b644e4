import { hasColumn, type LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";

/** How a migration was applied; only some commands show it. */
export interface AppliedRun {
  readonly appliedAt: Date | null;
  readonly ranMs: number | null;
  readonly role: string | null;
  readonly host: string | null;
  /** The user of the operating system. */
  readonly operator: string | null;
}

/**
 * For each applied migration, the newest run that applied it or recorded it as applied. For a migration that Headgate
 * did not apply, only the time is known, from the table of names.
 */
export async function readAppliedRuns(
  database: Queryable,
  { migrations, runs }: LedgerTables,
): Promise<ReadonlyMap<string, AppliedRun>> {
  const { rows: found } = await database.query(
    `SELECT pg_catalog.to_regclass($1) IS NOT NULL AS names, pg_catalog.to_regclass($2) IS NOT NULL AS runs, ${hasColumn("$2", "operator")} AS operator`,
    [migrations, runs],
  );
  const exists = found[0] as { names: boolean; runs: boolean; operator: boolean };
  if (!exists.names) return new Map();
  const { rows } = await database.query(
    exists.runs
      ? `SELECT DISTINCT ON (m.name) m.name, coalesce(r.finished_at, m.run_on::timestamptz) AS "appliedAt", r.ran_ms::float8 AS "ranMs", r.role, r.host, ${exists.operator ? "r.operator" : "NULL AS operator"}
           FROM ${migrations} m LEFT JOIN ${runs} r ON r.name = m.name::text AND r.state = 'applied' ORDER BY m.name, (r.direction = 'repair'), r.id DESC`
      : `SELECT name, run_on::timestamptz AS "appliedAt", NULL AS "ranMs", NULL AS role, NULL AS host, NULL AS operator FROM ${migrations}`,
  );
  return new Map((rows as (AppliedRun & { name: string })[]).map(({ name, ...run }) => [name, run]));
}
