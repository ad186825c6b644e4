import type { Config } from "../config/settings.ts";
import type { RecordedError } from "./failure.ts";
import { hasColumn, type LedgerTables } from "./ledger-tables.ts";
import type { StoredDirectives } from "./ledger.ts";
import { readFromLedger } from "./ledger-wait.ts";
import { withMigrationSession } from "./migration-session.ts";
import type { RunOptions } from "./with-lock.ts";

/** One row of the ledger: something that was run, or recorded without being run. */
export interface RecordedRun {
  readonly id: string;
  /** The digits in front of the name. */
  readonly version: string;
  readonly name: string;
  readonly kind: "sql" | "code";
  /** `reset`: everything was dropped, with the ledger that was there before. */
  readonly direction: "up" | "down" | "baseline" | "repair" | "reset";
  readonly state: "running" | "applied" | "reverted" | "failed" | "stopped" | "interrupted";
  /** SHA-256 of the up and the down file, in hexadecimal. */
  readonly checksum: string | null;
  readonly downChecksum: string | null;
  readonly directives: StoredDirectives;
  /** ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Milliseconds; `waitedMs` for the migration lock. */
  readonly ranMs: number | null;
  readonly waitedMs: number;
  readonly attempts: number;
  readonly statementsDone: number;
  readonly statementsTotal: number | null;
  readonly rowsChanged: number | null;
  /** The user of the operating system; null in what was recorded before operators were. */
  readonly operator: string | null;
  readonly role: string;
  readonly host: string;
  readonly headgateVersion: string;
  readonly imageRevision: string;
  readonly error: RecordedError | null;
  /** Only where texts were asked for. */
  readonly upText?: string | null;
  readonly downText?: string | null;
}

export interface RunHistoryOptions extends RunOptions {
  /** The newest so many; all without it. */
  readonly limit?: number | undefined;
  /** With the SQL that ran. */
  readonly texts?: boolean;
}

/**
 * What was ever run on this database, newest first. Only reads; a database without a ledger has an empty history.
 *
 * @throws AppError `database-unreachable`, `database-refused`, `interrupted`
 */
export async function readRunHistory(config: Config, options: RunHistoryOptions): Promise<RecordedRun[]> {
  const { signal, listener, limit } = options;
  return await withMigrationSession(
    config,
    { activity: "migrate history", readOnly: true, signal, listener },
    async ({ session, tables }) => {
      const found = await session.client.query<{ runs: boolean; operator: boolean; ending: boolean }>(
        `SELECT to_regclass($1) IS NOT NULL AS runs, ${hasColumn("$1", "operator")} AS operator, ${hasColumn("$1", "ending")} AS ending`,
        [tables.runs],
      );
      const exists = found.rows[0]!;
      if (!exists.runs) return [];
      const rows = (await readFromLedger(
        session.client,
        tables,
        `SELECT id::text, name, kind, direction, ${exists.ending ? "coalesce(ending, state)" : "state"} AS state, checksum, down_checksum AS "downChecksum", directives,
                ${utc("started_at")} AS "startedAt", ${utc("finished_at")} AS "finishedAt",
                ran_ms::float8 AS "ranMs", waited_ms::float8 AS "waitedMs", attempts, statements_done AS "statementsDone",
                statements_total AS "statementsTotal", rows_changed::float8 AS "rowsChanged",
                ${exists.operator ? "operator" : "NULL AS operator"}, role, host, headgate_version AS "headgateVersion",
                image_revision AS "imageRevision", error
                ${options.texts === true ? `, ${keptOnce("up_text", "checksum", tables)} AS "upText", ${keptOnce("down_text", "down_checksum", tables)} AS "downText"` : ""}
           FROM ${tables.runs} r ORDER BY r.id DESC LIMIT ${limit ?? "ALL"}`,
      )) as Omit<RecordedRun, "version">[];
      return rows.map((row) => ({ ...row, version: /^\d*/.exec(row.name)![0] }));
    },
  );
}

/** A text that a run did not keep again stands in another run of the same content. */
function keptOnce(column: string, sum: string, { runs }: LedgerTables): string {
  return `coalesce(r.${column}, (SELECT k.${column} FROM ${runs} k WHERE k.name = r.name AND k.${sum} = r.${sum} AND k.${column} IS NOT NULL ORDER BY k.id DESC LIMIT 1))`;
}

/** A moment as ISO 8601 in UTC, whatever time zone the role has. */
function utc(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
