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
  /** `transaction`: when the transaction began that the record is written in, by the server's clock. */
  readonly startedAt: Date | "transaction";
  readonly error?: RecordedError;
}

/** Adds a run and returns its id. A run that is not `running` is finished now, by the server's clock. */
export async function insertRun(database: Queryable, tables: LedgerTables, run: RunRecord): Promise<string> {
  const values: unknown[] = [];
  const insert = insertRunSql(tables, run, (value) => `$${values.push(value)}`);
  const { rows } = await database.query(`${insert} RETURNING id`, values);
  return (rows[0] as { id: string }).id;
}

/**
 * The same as SQL.
 *
 * @param write puts a value into the statement, as a parameter or a literal
 */
export function insertRunSql(
  tables: LedgerTables,
  run: RunRecord,
  write: (value: string | number) => string,
): string {
  const isRunning = run.state === "running";
  const elapsed = elapsedSince(run.startedAt, write);
  const columns: readonly (readonly [
    name: string,
    value: string | number | undefined,
    sql?: string | undefined,
  ])[] = [
    ["version", run.file.version.toString()],
    ["name", run.file.name],
    ["kind", run.file.kind],
    ["direction", run.direction],
    ["state", run.state],
    ["checksum", run.file.checksum],
    ["up_text", run.upText],
    ["down_text", run.downText],
    ["down_checksum", run.downText === undefined ? undefined : checksumOf(run.downText)],
    ["directives", JSON.stringify(run.directives === undefined ? {} : storedDirectives(run.directives))],
    ["statements_done", run.statementsDone],
    ["statements_total", run.statementsTotal],
    ["attempts", run.attempts],
    ["waited_ms", Math.round(run.waitedMs)],
    ["ran_ms", undefined, isRunning ? undefined : `extract(epoch FROM ${elapsed}) * 1000`],
    ["started_at", undefined, `pg_catalog.clock_timestamp() - ${elapsed}`],
    ["finished_at", undefined, isRunning ? undefined : "pg_catalog.clock_timestamp()"],
    ["host", hostName()],
    ["headgate_version", headgateVersion],
    ["image_revision", imageRevision()],
    ["error", run.error === undefined ? undefined : JSON.stringify(run.error)],
    ["statement_started", run.statementStarted],
    ["operator", tables.recordsOperator ? operatorName() : undefined],
  ];
  const given = columns.flatMap(([name, value, sql]) => {
    const expression = value === undefined ? sql : write(value);
    return expression === undefined ? [] : [[name, expression] as const];
  });
  return `INSERT INTO ${tables.runs} (${given.map(([name]) => name).join(", ")}) VALUES (${given.map(([, expression]) => expression).join(", ")})`;
}

/** SQL, how long the run takes by now, as an interval. */
function elapsedSince(startedAt: RunRecord["startedAt"], write: (value: number) => string): string {
  return startedAt === "transaction"
    ? "(pg_catalog.clock_timestamp() - pg_catalog.now())"
    : `pg_catalog.make_interval(secs => ${write((Date.now() - startedAt.getTime()) / 1000)})`;
}

// Neither changes, and asking the system for them takes longer than writing the rest of a record.
let host: string | undefined;
let operator: string | undefined;

function hostName(): string {
  host ??= hostname();
  return host;
}

/** Whom the operating system runs us for; in a container the number may have no name. */
export function operatorName(): string {
  if (operator !== undefined) return operator;
  try {
    operator = userInfo().username;
  } catch {
    operator = `uid ${process.getuid?.() ?? "unknown"}`;
  }
  return operator;
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
