import type { Config } from "../config/settings.ts";
import { codeOf } from "../database/sqlstate.ts";
import type { RecordedError } from "./failure.ts";
import { withMigrationSession } from "./migration-session.ts";
import type { RunOptions } from "./with-lock.ts";

/** One row of the ledger: something that was run, or recorded without being run. */
export interface RecordedRun {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  /** `reset`: everything was dropped, with the ledger that was there before. */
  readonly direction: "up" | "down" | "baseline" | "repair" | "reset";
  readonly state: "running" | "applied" | "reverted" | "failed";
  /** ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly finishedAt: string | null;
  /** Milliseconds; `waitedMs` for the migration lock. */
  readonly ranMs: number | null;
  readonly waitedMs: number;
  readonly attempts: number;
  readonly statementsDone: number;
  readonly statementsTotal: number | null;
  readonly role: string;
  readonly host: string;
  readonly headgateVersion: string;
  readonly imageRevision: string;
  readonly error: RecordedError | null;
}

export interface RunHistoryOptions extends RunOptions {
  /** The newest so many; all without it. */
  readonly limit?: number | undefined;
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
      try {
        const { rows } = await session.client.query<
          RecordedRun & { startedAt: Date; finishedAt: Date | null }
        >(
          `SELECT id::text, version::text, name, direction, state, started_at AS "startedAt", finished_at AS "finishedAt",
                  ran_ms::float8 AS "ranMs", waited_ms::float8 AS "waitedMs", attempts, statements_done AS "statementsDone",
                  statements_total AS "statementsTotal", role, host, headgate_version AS "headgateVersion",
                  image_revision AS "imageRevision", error
             FROM ${tables.runs} r ORDER BY r.id DESC LIMIT $1`,
          [limit ?? null],
        );
        return rows.map((row) => ({
          ...row,
          startedAt: row.startedAt.toISOString(),
          finishedAt: row.finishedAt?.toISOString() ?? null,
        }));
      } catch (error) {
        if (codeOf(error) === "42P01") return [];
        throw error;
      }
    },
  );
}
