import { TextFailure } from "../database/run-text.ts";
import { endOfLine, lineOf, startOfLine } from "./line-ends.ts";
import { isParseFailure, largestParsed, skipComments, splitStatements } from "./statements.ts";

/** Where the text that failed stands. */
export interface TextOrigin {
  readonly file: string;
  /** The whole file. */
  readonly text: string;
  /** Where in it the text that was sent begins. */
  readonly offset: number;
  /** Nothing of the text may be shown or kept. */
  readonly secret?: boolean;
}

interface ServerErrorFields {
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: string;
  readonly where?: string;
  readonly internalQuery?: string;
}

/** The server's fields of an error that may be wrapped. A code migration may throw anything, also no error. */
export function serverError(error: unknown): ServerErrorFields & Error {
  const thrown = error instanceof TextFailure ? error.cause : error;
  const isError = typeof (thrown as { message?: unknown } | null | undefined)?.message === "string";
  return isError ? (thrown as Error) : new Error(`${String(thrown)} was thrown`);
}

/** Where a failure stands. */
export interface Place {
  /** The file's text, or the SQL that a code migration made. */
  readonly text: string;
  readonly inFile: boolean;
  /** Undefined where only the number of the statement is known. */
  readonly offset: number | undefined;
  /** The server named the character; otherwise it is the beginning of the statement. */
  readonly exact: boolean;
  /** From 1. */
  readonly statement: number;
}

/** The server gives a position for errors in the text itself; for others, the number of finished statements tells. */
export async function locate(error: TextFailure, origin: TextOrigin): Promise<Place> {
  const inFile = origin.text.startsWith(error.text, origin.offset);
  const start = inFile ? origin.offset : 0;
  const place = { text: inFile ? origin.text : error.text, inFile, statement: error.completed + 1 };
  const { position, internalQuery } = serverError(error);
  if (position !== undefined && internalQuery === undefined) {
    // "At end of input" is behind the last line break; people look for it in the last line with something in it.
    const end = error.text.trimEnd().length;
    const offset = Math.min(utf16Offset(error.text, Number(position) - 1), end);
    return { ...place, offset: start + offset, exact: true };
  }
  const offset = error.text.length > largestParsed ? undefined : await beginningOf(error);
  return { ...place, offset: offset === undefined ? undefined : start + offset, exact: false };
}

/** Where in its text the statement begins that failed. */
async function beginningOf({ text, completed }: TextFailure): Promise<number | undefined> {
  const statements = await splitStatements(text);
  const statement = isParseFailure(statements) ? undefined : statements[completed];
  return statement && skipComments(text, statement.offset);
}

/** The place as a person wants to see it: `at file:line:column`, the line, and a caret. */
export function showPlace(
  { inFile, exact, statement }: Place,
  line: Line | undefined,
  file: string,
): string[] {
  if (line === undefined) return [`  in statement ${statement} of ${file}`];
  const at = inFile
    ? `at ${file}:${line.number}${exact ? `:${line.column}` : ""}`
    : `in the SQL that ${file} made`;
  return [`  ${at}`, ...excerpt(line, exact)];
}

/** The server counts characters; JavaScript counts UTF-16 units. */
function utf16Offset(text: string, characters: number): number {
  let offset = 0;
  for (let seen = 0; seen < characters && offset < text.length; seen++)
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1;
  return offset;
}

export function charactersIn(text: string): number {
  return text.length - (text.match(/[\uD800-\uDBFF]/g)?.length ?? 0);
}

export interface Line {
  readonly number: number;
  /** In characters, from 1, as editors and PostgreSQL count. */
  readonly column: number;
  readonly text: string;
  /** The place in `text`, in UTF-16 units. */
  readonly offset: number;
}

export function lineAt(text: string, offset: number): Line {
  const start = startOfLine(text, offset);
  return {
    number: lineOf(text, offset),
    column: charactersIn(text.slice(start, offset)) + 1,
    text: text.slice(start, endOfLine(text, offset)),
    offset: offset - start,
  };
}

const excerptWidth = 100;

/** The line, cut around the place when it is long, with a caret below it. */
export function excerpt({ number, text, offset }: Line, exact: boolean): string[] {
  const from = text.length <= excerptWidth ? 0 : Math.max(0, offset - excerptWidth / 2);
  const lead = from > 0 ? "…" : "";
  const visible = text.slice(from, from + excerptWidth).replaceAll("\t", " ");
  const rows = [`  ${number} | ${lead}${visible}${from + excerptWidth < text.length ? "…" : ""}`];
  const left = lead.length + charactersIn(text.slice(from, offset));
  if (exact) rows.push(`  ${" ".repeat(String(number).length)} | ${" ".repeat(left)}^`);
  return rows;
}
