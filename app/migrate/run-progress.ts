import { assertRecorded, markNameSql } from "./applied-names.ts";
import type { RecordedError } from "./failure.ts";
import { ledgerNotWritten } from "./ledger-not-written.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";
import { insertRunSql, type Ending, type RunRecord, type Write } from "./run-record.ts";

/** Adds a run and returns its id. A run that is not `running` is finished now, by the server's clock. */
export async function insertRun(database: Queryable, tables: LedgerTables, run: RunRecord): Promise<string> {
  const rows = await writeRow(
    database,
    tables,
    (write) => `${insertRunSql(tables, run, write)} RETURNING id::text`,
  );
  return (rows[0] as { id: string }).id;
}

/** SQL, says of a run, once it is known, how many statements it has. */
export function totalSql({ runs }: LedgerTables, where: string, total: number): string {
  return `UPDATE ${runs} SET statements_total = ${total} ${where}`;
}

/** SQL, marks the beginning of a statement that cannot share a transaction with its record; null: it has no effect. */
export function startedSql({ runs }: LedgerTables, where: string, statement: number | null): string {
  return `UPDATE ${runs} SET statement_started = ${statement ?? "NULL"} ${where}`;
}

/**
 * SQL, moves a run forward: `done` statements have taken effect.
 *
 * @param rowsChanged an expression, how many rows more the last one changed
 */
export function progressSql({ runs }: LedgerTables, where: string, done: number, rowsChanged = "0"): string {
  return `UPDATE ${runs} SET statements_done = ${done}, statement_started = NULL, rows_changed = coalesce(rows_changed, 0) + ${rowsChanged} ${where}`;
}

/** SQL, ends a run that was `running`. */
export function finishSql({ runs, columns }: LedgerTables, where: string, end: RunEnd, write: Write): string {
  const { state, attempts, ending, error } = end;
  const values = [
    `state = '${state}'`,
    `error = ${error === undefined ? "NULL" : write(JSON.stringify(error))}`,
    "finished_at = pg_catalog.clock_timestamp()",
    "ran_ms = extract(epoch FROM pg_catalog.clock_timestamp() - started_at) * 1000",
    ...(attempts === undefined ? [] : [`attempts = ${attempts}`]),
    ...(columns.has("ending") && ending !== undefined ? [`ending = '${ending}'`] : []),
  ];
  return `UPDATE ${runs} SET ${values.join(", ")} ${where}`;
}

export interface RunEnd {
  readonly state: "applied" | "reverted" | "failed";
  readonly attempts?: number | undefined;
  readonly ending?: Ending | undefined;
  readonly error?: RecordedError | undefined;
}

function withId(id: string): string {
  return `WHERE id = ${BigInt(id)}`;
}

export async function recordStatementsTotal(
  database: Queryable,
  tables: LedgerTables,
  id: string,
  total: number,
): Promise<void> {
  await writeRow(database, tables, () => `${totalSql(tables, withId(id), total)} RETURNING 1`);
}

export async function recordStatementStarted(
  database: Queryable,
  tables: LedgerTables,
  id: string,
  statement: number | null,
): Promise<void> {
  await writeRow(database, tables, () => `${startedSql(tables, withId(id), statement)} RETURNING 1`);
}

export async function recordProgress(
  database: Queryable,
  tables: LedgerTables,
  id: string,
  done: number,
  rowsChanged: number,
): Promise<void> {
  await writeRow(
    database,
    tables,
    () => `${progressSql(tables, withId(id), done, String(rowsChanged))} RETURNING 1`,
  );
}

/** Says why a resume behind what is done would be wrong, or that it would not; a ledger without the column keeps none. */
export async function recordResumeBlocked(
  database: Queryable,
  tables: LedgerTables,
  id: string,
  reason: string | null,
): Promise<void> {
  if (!tables.columns.has("resume_blocked")) return;
  await writeRow(
    database,
    tables,
    (write) =>
      `UPDATE ${tables.runs} SET resume_blocked = ${reason === null ? "NULL" : write(reason)} ${withId(id)} RETURNING 1`,
  );
}

export async function finishRun(
  database: Queryable,
  tables: LedgerTables,
  id: string,
  end: RunEnd,
): Promise<void> {
  await writeRow(database, tables, (write) => `${finishSql(tables, withId(id), end, write)} RETURNING 1`);
}

/** Writes or removes node-pg-migrate's own row, and looks at what the ledger says then. Part of a transaction. */
export async function recordName(
  database: Queryable,
  tables: LedgerTables,
  name: string,
  direction: "up" | "down",
): Promise<void> {
  await writeRow(database, tables, (write) => `${markNameSql(tables, name, direction, write)} RETURNING 1`);
  await writeRow(database, tables, (write) => assertRecorded(tables, name, direction, write));
}

/** A statement with its values as parameters. */
export function parametrised(text: (write: Write) => string): [string, unknown[]] {
  const values: unknown[] = [];
  return [text((value) => `$${values.push(value)}`), values];
}

/**
 * Runs a statement that must write one row of the ledger.
 *
 * @throws AppError `history-conflict` when it wrote none: a trigger or rule has swallowed it
 */
export async function writeRow(
  database: Queryable,
  tables: LedgerTables,
  text: (write: Write) => string,
): Promise<readonly unknown[]> {
  try {
    const { rows } = await database.query(...parametrised(text));
    if (rows.length !== 1) throw ledgerNotWritten(tables, undefined);
    return rows;
  } catch (error) {
    throw ledgerNotWritten(tables, error);
  }
}
