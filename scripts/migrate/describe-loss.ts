import type { DataLoss } from "../../app/migrate/data-loss.ts";
import { grouped } from "./words.ts";

/** What is lost with one migration, a sentence each: `data in table orders (≈ 12,000 rows) is lost`. */
export function describeLosses(losses: readonly DataLoss[], migration: string): string[] {
  return losses.filter((loss) => loss.migration === migration).map(describe);
}

function describe({ action, table, column, rows }: DataLoss): string {
  const size = rows === null ? "an unknown number of rows" : `≈ ${grouped(rows)} row${rows === 1 ? "" : "s"}`;
  switch (action) {
    case "unseen":
      return "what its code does to data cannot be told beforehand";
    case "drop-table":
      return rows === 0 ? `table ${table} goes; it is empty` : `data in table ${table} (${size}) is lost`;
    case "truncate":
      return rows === 0
        ? `table ${table} is emptied; it is empty already`
        : `all rows of table ${table} (${size}) are lost`;
    case "drop-column":
      return rows === 0
        ? `column ${table}.${column} goes; the table is empty`
        : `data in column ${table}.${column} (${size}) is lost`;
    default:
      return rows === 0
        ? `rows of table ${table} are deleted; it is empty`
        : `rows of table ${table} (${size} in all) are deleted`;
  }
}
