import { hostname, userInfo } from "node:os";
import { imageRevision, version as headgateVersion } from "../version.ts";
import type { Directives } from "./directives.ts";
import type { RecordedError } from "./failure.ts";
import type { KnownMigration } from "./history.ts";
import { storedDirectives } from "./ledger.ts";
import { checksumOf } from "./migration-text.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";

/** What is written down when a run begins or, in a transaction, when it is complete. */
export interface RunRecord {
  readonly file: Pick<KnownMigration, "version" | "name" | "checksum" | "kind">;
  readonly direction: "up" | "down" | "baseline" | "repair" | "reset";
  readonly state: "running" | "applied" | "reverted" | "failed";
  readonly upText: string | undefined;
  readonly downText: string | undefined;
  readonly directives: Directives | undefined;
  readonly statementsDone: number;
  readonly statementsTotal: number | undefined;
  /** The statement, from 0, that an interrupted run had begun and this one takes up again. */
  readonly statementStarted?: number | undefined;
  readonly attempts: number;
  readonly waitedMs: number;
  readonly startedAt: Date;
  readonly error?: RecordedError;
}

/** Adds a run and returns its id. A run that is not `running` is finished now, by the server's clock. */
export async function insertRun(database: Queryable, tables: LedgerTables, run: RunRecord): Promise<string> {
  const { rows } = await database.query(
    `INSERT INTO ${tables.runs}
       (version, name, kind, direction, state, checksum, up_text, down_text, down_checksum, directives, statements_done, statements_total, attempts,
        waited_ms, ran_ms, started_at, finished_at, host, headgate_version, image_revision, error, statement_started${tables.recordsOperator ? ", operator" : ""})
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
             pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $16),
             CASE WHEN $5 = 'running' THEN NULL ELSE pg_catalog.clock_timestamp() END, $17, $18, $19, $20, $21${tables.recordsOperator ? ", $22" : ""})
     RETURNING id`,
    [
      run.file.version.toString(),
      run.file.name,
      run.file.kind,
      run.direction,
      run.state,
      run.file.checksum,
      run.upText ?? null,
      run.downText ?? null,
      run.downText === undefined ? null : checksumOf(run.downText),
      JSON.stringify(run.directives === undefined ? {} : storedDirectives(run.directives)),
      run.statementsDone,
      run.statementsTotal ?? null,
      run.attempts,
      Math.round(run.waitedMs),
      run.state === "running" ? null : Date.now() - run.startedAt.getTime(),
      (Date.now() - run.startedAt.getTime()) / 1000,
      hostname(),
      headgateVersion,
      imageRevision(),
      run.error === undefined ? null : JSON.stringify(run.error),
      run.statementStarted ?? null,
      ...(tables.recordsOperator ? [operatorName()] : []),
    ],
  );
  return (rows[0] as { id: string }).id;
}

/** Whom the operating system runs us for; in a container the number may have no name. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

/** Says of a run, once it is known, how many statements it has. */
export async function recordStatementsTotal(
  database: Queryable,
  tables: LedgerTables,
  id: string,
  total: number,
): Promise<void> {
  await database.query(`UPDATE ${tables.runs} SET statements_total = $2 WHERE id = $1`, [id, total]);
}

/** Marks the beginning of a statement that cannot share a transaction with its own record; null: it has no effect. */
export async function recordStatementStarted(
  database: Queryable,
  tables: LedgerTables,
  id: string,
  statement: number | null,
): Promise<void> {
  await database.query(`UPDATE ${tables.runs} SET statement_started = $2 WHERE id = $1`, [id, statement]);
}

/** Moves a run forward: `done` statements have taken effect, and the last one changed so many rows more. */
export async function recordProgress(
  database: Queryable,
  tables: LedgerTables,
  id: string,
  done: number,
  rowsChanged: number,
): Promise<void> {
  await database.query(
    `UPDATE ${tables.runs} SET statements_done = $2, statement_started = NULL, rows_changed = coalesce(rows_changed, 0) + $3 WHERE id = $1`,
    [id, done, rowsChanged],
  );
}

/** Ends a run that was `running`. */
export async function finishRun(
  database: Queryable,
  tables: LedgerTables,
  id: string,
  state: "applied" | "reverted" | "failed",
  error?: RecordedError,
): Promise<void> {
  await database.query(
    `UPDATE ${tables.runs} SET state = $2, error = $3, finished_at = pg_catalog.clock_timestamp(),
            ran_ms = extract(epoch FROM pg_catalog.clock_timestamp() - started_at) * 1000
      WHERE id = $1`,
    [id, state, error === undefined ? null : JSON.stringify(error)],
  );
}
