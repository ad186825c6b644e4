import pg from "pg";
import { ledgerTables } from "../ledger-tables.ts";
import type { TableShape } from "./tools.ts";

/** Columns that the runs of every release have, and no other tool's table. */
const runsColumns = [
  "version",
  "direction",
  "state",
  "checksum",
  "up_text",
  "headgate_version",
  "image_revision",
];

/** Whether this is the table of runs of a ledger of Headgate's, whatever it is called. */
export function isRunsTable({ columns }: TableShape): boolean {
  return runsColumns.every((column) => columns.includes(column));
}

/** Whether this is the table of names beside one of these tables of runs. */
export function isNamesTable({ schema, name, columns }: TableShape, runs: readonly TableShape[]): boolean {
  if (!["id", "name", "run_on"].every((column) => columns.includes(column))) return false;
  const ledger = ledgerTables({ migrationsSchema: schema, migrationsTable: name });
  return runs.some((table) => [ledger.runs, ledger.legacyRuns].includes(qualified(table)));
}

/** As it is written in SQL. */
export function qualified({ schema, name }: Pick<TableShape, "schema" | "name">): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
}
