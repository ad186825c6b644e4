/**
 * The same text, safe to show: what a server or a file says must not command the terminal, nor turn the direction in
 * which a line is read. Control characters and the marks of bidirectional text are spelt out (`\x1b`, `\u202e`); line
 * breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replaceAll(commanding, spell);
}

/** The same on one line: line breaks and tabs are spelt out, too. */
export function printableLine(text: string): string {
  return printable(text).replaceAll(/[\n\t]/g, (character) => (character === "\n" ? "\\n" : "\\t"));
}

/** Whatever of it could command a terminal as JSON's own escapes: the same document. */
export function printableJson(document: string): string {
  return document.replaceAll(
    commanding,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
}

const commanding = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

function spell(character: string): string {
  const code = character.codePointAt(0)!.toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
}
