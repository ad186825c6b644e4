import { imageRevision, version as headgateVersion } from "../../version.ts";
import type { LedgerTables } from "../ledger-tables.ts";
import { storedDirectives } from "../ledger.ts";
import { checksumOf } from "../migration-text.ts";
import type { Step } from "../run-steps.ts";
import { literal } from "./quoting.ts";

/** The row of a run as `insertRun` writes it, as SQL. In a transaction it is complete; `running` is only its beginning. */
export function insertRunSql(
  { runs }: LedgerTables,
  { migration, texts, unfinished }: Step,
  state: "running" | "applied" | "reverted",
): string {
  const { file, direction, directives, statements } = migration;
  const isRunning = state === "running";
  // A transaction of our own began when the migration did.
  const elapsed = "extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.now()) * 1000";
  const values: readonly (readonly [string, string])[] = [
    ["version", file.version.toString()],
    ["name", literal(file.name)],
    ["kind", literal(file.kind)],
    ["direction", literal(direction)],
    ["state", literal(state)],
    ["checksum", literal(file.checksum)],
    ["up_text", orNull(texts.up)],
    ["down_text", orNull(texts.down)],
    ["down_checksum", orNull(texts.down && checksumOf(texts.down))],
    ["directives", literal(JSON.stringify(storedDirectives(directives)))],
    ["statements_done", String(unfinished?.statementsDone ?? 0)],
    ["statements_total", isRunning ? String(statements?.length ?? 0) : "NULL"],
    ["ran_ms", isRunning ? "NULL" : elapsed],
    ["started_at", "pg_catalog.now()"],
    ["finished_at", isRunning ? "NULL" : "pg_catalog.clock_timestamp()"],
    ["host", "coalesce(pg_catalog.host(pg_catalog.inet_client_addr()), 'local socket')"],
    ["headgate_version", literal(headgateVersion)],
    ["image_revision", literal(imageRevision())],
  ];
  return `INSERT INTO ${runs}\n  (${values.map(([column]) => column).join(", ")})\nVALUES (${values.map(([, value]) => value).join(", ")})`;
}

/** Node-pg-migrate's own row, or its removal. */
export function markName({ migrations }: LedgerTables, { migration: { file, direction } }: Step): string {
  return direction === "up"
    ? `INSERT INTO ${migrations} (name, run_on) VALUES (${literal(file.name)}, pg_catalog.now())`
    : `DELETE FROM ${migrations} WHERE name = ${literal(file.name)}`;
}

/** The newest run of a migration: under the lock nobody else adds one. */
function ofRun(runs: string, name: string): string {
  return `WHERE id = (SELECT max(r.id) FROM ${runs} r WHERE r.name = ${literal(name)})`;
}

export function announceSql({ runs }: LedgerTables, name: string, statement: number): string {
  return `UPDATE ${runs} SET statement_started = ${statement} ${ofRun(runs, name)}`;
}

/** @param rowsChanged an expression; outside a block nobody knows how many rows a statement has changed */
export function progressSql({ runs }: LedgerTables, name: string, done: number, rowsChanged = "0"): string {
  return `UPDATE ${runs} SET statements_done = ${done}, statement_started = NULL, rows_changed = coalesce(rows_changed, 0) + ${rowsChanged} ${ofRun(runs, name)}`;
}

export function finishSql({ runs }: LedgerTables, name: string, state: "applied" | "reverted"): string {
  return `UPDATE ${runs} SET state = '${state}', error = NULL, finished_at = pg_catalog.clock_timestamp(), ran_ms = extract(epoch FROM pg_catalog.clock_timestamp() - started_at) * 1000 ${ofRun(runs, name)}`;
}

function orNull(text: string | undefined): string {
  return text === undefined ? "NULL" : literal(text);
}
