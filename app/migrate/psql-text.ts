import { endOfLine, lineOf, startOfLine } from "./line-ends.ts";
import { isParseFailure, type ParseFailure, type Statement } from "./statements.ts";

const copyAdvice =
  "COPY … FROM stdin with its data in the file works only in psql; use INSERT, or load the data with a program.";

/** Whether a text has what texts for psql are known by. Two words are looked for apart, so that it stays one pass. */
export function mayBePsqlText(text: string): boolean {
  return /\\[a-z.]/i.test(text) || (/\bcopy\b/i.test(text) && /\bstdin\b/i.test(text));
}

/** A line for each thing in a text that psql would understand and a server does not: backslash commands, COPY data. */
export function findPsqlText(
  fileName: string,
  text: string,
  statements: readonly Statement[] | ParseFailure,
): string[] {
  if (!isParseFailure(statements)) {
    return statements
      .filter(({ copiesFromClient }) => copiesFromClient)
      .map(({ line }) => `${fileName}:${line}: ${copyAdvice}`);
  }
  const copy = copyBefore(text, statements.offset);
  if (copy !== undefined) return [`${fileName}:${lineOf(text, copy)}: ${copyAdvice}`];
  const command = commandAt(text, statements.offset);
  if (command === undefined) return [];
  return [
    `${fileName}:${lineOf(text, statements.offset)}: "${command}" is a command of psql, not SQL; write the SQL itself into the file.`,
  ];
}

/** Where a COPY FROM stdin begins that stands before a syntax error at `offset`: what follows it is its data. */
function copyBefore(text: string, offset: number): number | undefined {
  const before = text.slice(0, offset);
  for (const { index } of before.matchAll(/\bfrom\s+stdin\b/gi)) {
    const start = before.lastIndexOf(";", index) + 1;
    const copy = /\bcopy\b/i.exec(before.slice(start, index));
    const end = before.indexOf(";", index);
    if (copy !== null && end !== -1 && /^[ \t]*[\r\n]/.test(before.slice(end + 1, end + 100)))
      return start + copy.index;
  }
  return undefined;
}

/** The backslash command in the line of a syntax error. */
function commandAt(text: string, offset: number): string | undefined {
  const line = text.slice(startOfLine(text, offset), endOfLine(text, offset));
  const first = /^\s*(\\\w+|\\.)/.exec(line);
  const later = /(\\(?:gexec|gset|gdesc|gx|g|watch|crosstabview|bind|parse)\b)/.exec(line);
  return (first ?? later)?.[1];
}
