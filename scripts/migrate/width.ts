/** string-width, once it is loaded: its 40 ms are not for a start that has nothing to show. */
let measure: ((text: string) => number) | undefined;

/** Makes `widthOf` exact; until then it takes every character that is not ASCII for as wide as one can be. */
export async function loadWidths(): Promise<void> {
  measure ??= (await import("string-width")).default;
}

/** How many columns of a terminal the text takes: 2 for 漢 and 🚀, 0 for a combining mark or a colour. */
export function widthOf(text: string): number {
  if (isPlain(text)) return text.length;
  return measure?.(text) ?? text.length * 2;
}

/** The text with spaces behind it, up to a width in columns. */
export function padToWidth(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** The text, or its beginning and `…` where it takes more columns than there are. Never cuts a character in two. */
export function cutToWidth(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let [cut, width] = ["", 0];
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    cut += segment;
  }
  return columns < 1 ? "" : `${cut}…`;
}

/** Printable ASCII: a column each. */
export function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text);
}
