import { literal } from "../literal.ts";
import { loadParser } from "../sql-parser.ts";
import { largestParsed } from "../statements.ts";

export { literal };

/** `ARRAY['a', 'b']::text[]`. */
export function literalArray(texts: readonly string[]): string {
  return `ARRAY[${texts.map(literal).join(", ")}]::text[]`;
}

/** A text between dollar signs, with a tag that is not in it. */
export function dollarQuoted(text: string): string {
  let tag = "$headgate$";
  for (let number = 1; text.includes(tag); number++) tag = `$headgate${number}$`;
  return `${tag}${text}${tag}`;
}

/** An anonymous block. `declarations` end in a semicolon each. */
export function block(body: string, declarations = ""): string {
  const declare = declarations === "" ? "" : `DECLARE ${declarations}\n`;
  return `DO ${dollarQuoted(`\n${declare}BEGIN\n${body}\nEND\n`)}`;
}

/**
 * The text with a space behind each colon that psql could take for the beginning of a variable, as in `a[1:USER]`. In
 * SQL a lone colon stands in array slices alone, where a space means nothing; literals and comments stay as they are.
 */
export async function hideFromPsql(text: string): Promise<string> {
  if (!mayNameVariable(text)) return text;
  const { scanSync } = await loadParser();
  const bytes = Buffer.from(text, "utf8");
  const parts: string[] = [];
  let from = 0;
  for (const token of scanSync(text).tokens) {
    if (token.text !== ":") continue;
    parts.push(bytes.toString("utf8", from, token.end));
    from = token.end;
  }
  if (parts.length === 0) return text;
  return [...parts, bytes.toString("utf8", from)].join(" ");
}

/**
 * Whether a colon may begin a variable. In a text of usual size any colon in front of a word will do, and the scanner
 * has the last word; it would take a gigabyte for a file of ten megabytes, which holds data, and colons in literals.
 */
function mayNameVariable(text: string): boolean {
  if (!/(?<!:):["'{\w\u0080-\uffff]/.test(text)) return false;
  if (text.length <= largestParsed) return true;
  for (const [token] of text.matchAll(literalOrColon)) if (token === ":") return true;
  return false;
}

/** Literals, quoted names, comments, `::` and `:=`; and whatever colon is left. */
const literalOrColon =
  /\b[eE]'(?:[^'\\]|\\.|'')*'|'[^']*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|::|:=|:/g;
