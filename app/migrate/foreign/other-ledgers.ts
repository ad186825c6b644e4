import type { TableShape } from "./tools.ts";

/** Columns that the runs of every release have, and no other tool's table. */
const runsColumns = ["version", "direction", "state", "checksum", "up_text", "headgate_version", "image_revision"];

/** Whether this is the table of runs of a ledger of Headgate's, whatever it is called. */
export function isRunsTable({ columns }: TableShape): boolean {
  return runsColumns.every((column) => columns.includes(column));
}

/** Whether this is the table of names beside one of these tables of runs. */
export function isNamesTable({ schema, name, columns }: TableShape, runs: readonly TableShape[]): boolean {
  return (
    ["id", "name", "run_on"].every((column) => columns.includes(column)) &&
    runs.some((table) => {
      const stem = table.name.replace(/_runs$/, "");
      return table.schema === schema && table.name.endsWith("_runs") && name.startsWith(stem.slice(0, 50));
    })
  );
}
