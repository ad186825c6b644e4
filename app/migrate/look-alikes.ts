import { linesOf } from "./line-ends.ts";

/** PostgreSQL takes a word in typographic quotes for a name, which then does not exist. */
const misreadNames: ReadonlySet<string> = new Set(["42703", "42704", "42P01", "42883"]);

/**
 * A sentence that names, with line and code point, the characters around a failing line that look like plain ones in an
 * editor; undefined where the error is of another kind or there are none.
 */
export function findLookAlikes(
  text: string,
  lineNumber: number,
  sqlstate: string | undefined,
): string | undefined {
  // What is wrong with the syntax is often noticed a line later; further away such characters stand in prose.
  const reach = sqlstate === "42601" ? 2 : misreadNames.has(sqlstate ?? "") ? 0 : undefined;
  if (reach === undefined) return undefined;
  const first = Math.max(1, lineNumber - reach);
  const lines = linesOf(text, lineNumber + reach).slice(first - 1);
  const found = lines.flatMap((line, index) =>
    [...line.matchAll(/[\u00A0\u2000-\u200F\u2018-\u201F\u2028-\u202F\u2060\uFEFF]/g)].map(
      ([character]) => `line ${first + index} contains ${codePointOf(character)} (${nameOf(character)})`,
    ),
  );
  if (found.length === 0) return undefined;
  return `Look-alike characters: ${[...new Set(found)].slice(0, 3).join(", ")}. Replace them with plain ones.`;
}

function codePointOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

function nameOf(character: string): string {
  if (character === "\u00A0" || character === "\u202F") return "no-break space";
  if (/[\u2018-\u201F]/.test(character)) return "typographic quote";
  if (/[\u200B-\u200F\u2060\uFEFF]/.test(character)) return "invisible character";
  return "unusual space";
}
