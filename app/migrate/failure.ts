import { basename } from "node:path";
import { TextFailure } from "../database/run-text.ts";
import { codeOf, isConnectionLost } from "../database/sqlstate.ts";
import { AppError, messageOf } from "../errors.ts";
import { isParseFailure, lineOf, splitStatements } from "./statements.ts";

/** Where the text that failed stands. */
export interface TextOrigin {
  readonly file: string;
  /** The whole file. */
  readonly text: string;
  /** Where in it the text that was sent begins. */
  readonly offset: number;
}

/** What a failure says, as the ledger keeps it. */
export interface RecordedError {
  readonly message: string;
  readonly sqlstate?: string | undefined;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

interface ServerErrorFields {
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: string;
  readonly where?: string;
  readonly internalQuery?: string;
}

/** The server's fields of an error that may be wrapped. */
export function serverError(error: unknown): ServerErrorFields & Error {
  return (error instanceof TextFailure ? error.cause : error) as ServerErrorFields & Error;
}

/**
 * Everything known about a failed text: SQLSTATE, message, `file:line:column` with the line and a caret, detail, hint,
 * and our advice. Never more of the SQL than one line.
 */
export async function describeFailure(
  error: unknown,
  origin: TextOrigin,
): Promise<{ lines: string[]; recorded: RecordedError }> {
  const cause = serverError(error);
  const sqlstate = codeOf(cause);
  const place = await locate(error, cause, origin);
  const file = basename(origin.file);
  const line = place && lineAt(origin.text, place.offset);
  const lines = [`${sqlstate === undefined ? "" : `${sqlstate}: `}${firstLine(cause.message)}`];
  if (line !== undefined) {
    lines.push(
      `  at ${file}:${line.number}${place?.exact ? `:${line.column}` : ""}`,
      ...excerpt(line, place?.exact ?? false),
    );
  }
  if (cause.detail) lines.push(`  DETAIL: ${cut(cause.detail, 500)}`);
  if (cause.hint) lines.push(`  HINT: ${cut(cause.hint, 500)}`);
  if (cause.where) lines.push(`  WHERE: ${cut(firstLine(cause.where), 200)}`);
  const advice = [
    adviceFor(sqlstate),
    line === undefined || sqlstate !== "42601" ? undefined : strangeCharacters(origin.text, line.number),
  ];
  for (const sentence of advice) if (sentence !== undefined) lines.push(`  ${sentence}`);
  return {
    lines,
    recorded: {
      message: cut(cause.message, 1000),
      sqlstate,
      detail: cause.detail && cut(cause.detail, 500),
      hint: cause.hint && cut(cause.hint, 500),
      file,
      line: line?.number,
      column: place?.exact ? line?.column : undefined,
    },
  };
}

/** Whether the failure is the end of the session rather than the server's word on the migration. */
export function endedSession(error: unknown): boolean {
  return isConnectionLost(serverError(error));
}

/** A failed migration as an error for the edge: what failed, why, and what became of it. */
export function migrationFailed(
  name: string,
  lines: readonly string[],
  outcome: string,
  details: Record<string, unknown>,
  cause: unknown,
): AppError {
  return new AppError("migration-failed", `${name} failed: ${lines.join("\n")}\n  ${outcome}`, {
    cause,
    details,
  });
}

interface Place {
  readonly offset: number;
  /** The server named the character; otherwise it is the beginning of the statement. */
  readonly exact: boolean;
}

/** The server gives a position for errors in the text itself; for others, the number of finished statements tells. */
async function locate(
  error: unknown,
  cause: ServerErrorFields,
  { text, offset }: TextOrigin,
): Promise<Place | undefined> {
  if (cause.position !== undefined && cause.internalQuery === undefined) {
    return { offset: offset + utf16Offset(text.slice(offset), Number(cause.position) - 1), exact: true };
  }
  if (!(error instanceof TextFailure)) return undefined;
  const statements = await splitStatements(text.slice(offset));
  if (isParseFailure(statements)) return undefined;
  const statement = statements[error.completed];
  if (statement === undefined) return undefined;
  const start = offset + statement.offset;
  return { offset: start + (statement.text.length - statement.text.trimStart().length), exact: false };
}

/** The server counts characters; JavaScript counts UTF-16 units. */
function utf16Offset(text: string, characters: number): number {
  let offset = 0;
  for (let seen = 0; seen < characters && offset < text.length; seen++)
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1;
  return offset;
}

interface Line {
  readonly number: number;
  readonly column: number;
  readonly text: string;
}

function lineAt(text: string, offset: number): Line {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  const end = text.indexOf("\n", offset);
  return {
    number: lineOf(text, offset),
    column: offset - start + 1,
    text: text.slice(start, end === -1 ? undefined : end),
  };
}

const excerptWidth = 100;

/** The line, cut around the place when it is long, with a caret below it. */
function excerpt(line: Line, exact: boolean): string[] {
  const from = line.text.length <= excerptWidth ? 0 : Math.max(0, line.column - 1 - excerptWidth / 2);
  const gutter = `  ${line.number} | `;
  const visible = line.text.slice(from, from + excerptWidth).replaceAll("\t", " ");
  const rows = [
    `${gutter}${from > 0 ? "…" : ""}${visible}${from + excerptWidth < line.text.length ? "…" : ""}`,
  ];
  if (exact)
    rows.push(
      `${" ".repeat(gutter.length - 2)}| ${" ".repeat(line.column - 1 - from + (from > 0 ? 1 : 0))}^`,
    );
  return rows;
}

const advices: Readonly<Record<string, string>> = {
  "25001":
    "This statement cannot run inside a transaction: put `-- migrate: no-transaction` into the first comment of the file.",
  "55P04":
    "A new enum value cannot be used in the transaction that adds it: put ALTER TYPE … ADD VALUE into a migration of its own.",
  "55006":
    "Something still uses the object; split the migration so that data changes and DDL on the same table are apart.",
  "55P03": "Another session held a lock that this migration needs; it was tried again and again.",
  "53100": "The database server has no disk space left.",
  "53200": "The server ran out of memory or lock slots; split the migration into smaller ones.",
  "53400": "The migration went over a configured limit of the server (for example temp_file_limit).",
  "54001": "The statement is nested too deeply for the server; simplify it.",
  "57P01": "The connection was terminated from outside, or by the migration itself.",
  "42501": "The role that migrates lacks a privilege; see MIGRATE_DB_USER and `migrate info`.",
  "25006":
    "The session only reads: is this a standby, or does the migration set default_transaction_read_only?",
};

function adviceFor(sqlstate: string | undefined): string | undefined {
  return sqlstate === undefined ? undefined : advices[sqlstate];
}

/** Characters that look like others in an editor, with their code points. */
function strangeCharacters(text: string, lineNumber: number): string | undefined {
  const lines = text.split("\n").slice(0, lineNumber);
  const found = lines.flatMap((line, index) =>
    [...line.matchAll(/[\u00A0\u2000-\u200F\u2018-\u201F\u2028-\u202F\u2060\uFEFF]/g)].map(
      ([character]) =>
        `line ${index + 1} contains U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")} (${nameOfCharacter(character)})`,
    ),
  );
  return found.length === 0
    ? undefined
    : `Look-alike characters: ${[...new Set(found)].slice(0, 3).join(", ")}. Replace them with plain ones.`;
}

function nameOfCharacter(character: string): string {
  if (character === "\u00A0" || character === "\u202F") return "no-break space";
  if (/[\u2018-\u201F]/.test(character)) return "typographic quote";
  if (/[\u200B-\u200F\u2060\uFEFF]/.test(character)) return "invisible character";
  return "unusual space";
}

function firstLine(text: string): string {
  return cut(text.split("\n", 1)[0] ?? "", 500);
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/** One line for a log: what went wrong, without its place. */
export function summaryOf(error: unknown): string {
  const cause = serverError(error);
  const sqlstate = codeOf(cause);
  return `${firstLine(messageOf(cause))}${sqlstate === undefined ? "" : ` [${sqlstate}]`}`;
}
