import { codeOf } from "../database/sqlstate.ts";
import { resolveLedgerTables, type LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";

/** How long an applied migration ran. */
export interface MigrationTime {
  readonly name: string;
  readonly seconds: number;
}

/** At most this many, the newest: who shows them as metrics wants an end. */
const most = 500;

/** The times of what is applied, from the ledger, oldest first; none where there is no ledger yet. */
export async function readMigrationTimes(
  database: Queryable,
  tables: LedgerTables,
): Promise<MigrationTime[]> {
  try {
    const { migrations, runs } = await resolveLedgerTables(database, tables);
    const { rows } = await database.query(
      `SELECT name, seconds FROM (
         SELECT DISTINCT ON (r.version, r.name) r.version, r.name, r.ran_ms / 1000.0::float8 AS seconds
           FROM ${runs} r JOIN ${migrations} m ON m.name = r.name
          WHERE r.state = 'applied' AND r.direction = 'up' AND r.ran_ms IS NOT NULL
          ORDER BY r.version DESC, r.name, r.id DESC LIMIT ${most}) newest
        ORDER BY version, name`,
    );
    return rows as MigrationTime[];
  } catch (error) {
    if (codeOf(error) === "42P01") return [];
    throw error;
  }
}
