/**
 * Lines of a table in Markdown, unpadded. A bar in a cell is escaped, in code as well: it would begin the next cell.
 * Source: GitHub Flavored Markdown, "Tables".
 */
export function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [heads, heads.map(() => "---"), ...rows.map((cells) => cells.map(escapeCell))].map(
    (cells) => `| ${cells.join(" | ")} |`,
  );
}

function escapeCell(text: string): string {
  return text.replaceAll("|", String.raw`\|`).replaceAll(/\s*\n\s*/g, " ");
}
