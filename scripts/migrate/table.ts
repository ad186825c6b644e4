import { printableLine } from "../../app/printable.ts";
import { isPlain, loadWidths, padToWidth, widthOf } from "./width.ts";

/** A row of a table for people, with what is to be said below it; a note of several lines is a list of them. */
export interface TableRow {
  readonly cells: readonly string[];
  readonly notes: readonly (string | readonly string[])[];
}

/**
 * Columns of equal width under their heads, each row followed by its notes. The last line is empty. A cell or note that
 * holds line breaks or control characters shows them spelt out.
 */
export async function table(heads: readonly string[], given: readonly TableRow[]): Promise<string[]> {
  const rows = given.map(({ cells, notes }) => ({
    cells: cells.map(printableLine),
    notes: notes.flatMap((note) =>
      [note].flat().map((line, index) => `${index === 0 ? "  ! " : "    "}${printableLine(line)}`),
    ),
  }));
  if (!rows.every(({ cells }) => cells.every(isPlain))) await loadWidths();
  const widths = heads.map((head, column) =>
    // Not by spreading: a history may have more rows than a call takes arguments.
    rows.reduce((width, { cells }) => Math.max(width, widthOf(cells[column] ?? "")), widthOf(head)),
  );
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => padToWidth(cell, widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [format(heads), ...rows.flatMap(({ cells, notes }) => [format(cells), ...notes]), ""];
}
