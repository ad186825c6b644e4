/** A row of a table for people, with what is to be said below it. */
export interface TableRow {
  readonly cells: readonly string[];
  readonly notes: readonly string[];
}

/** Columns of equal width under their heads, each row followed by its notes. The last line is empty. */
export function table(heads: readonly string[], rows: readonly TableRow[]): string[] {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map(({ cells }) => (cells[column] ?? "").length)),
  );
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [
    format(heads),
    ...rows.flatMap(({ cells, notes }) => [format(cells), ...notes.map((note) => `  ! ${note}`)]),
    "",
  ];
}
