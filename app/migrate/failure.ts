import { basename } from "node:path";
import { TextFailure } from "../database/run-text.ts";
import { codeOf, isConnectionLost, isServerError } from "../database/sqlstate.ts";
import { AppError, messageOf } from "../errors.ts";
import {
  charactersIn,
  lineAt,
  locate,
  serverError,
  showPlace,
  type Line,
  type TextOrigin,
} from "./failure-place.ts";
import { findLookAlikes } from "./look-alikes.ts";

export { serverError, type TextOrigin } from "./failure-place.ts";

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

/**
 * Everything known about a failed text: SQLSTATE, message, `file:line:column` with the line and a caret, detail, hint,
 * and our advice. Never more of the SQL than one line, and no password.
 */
export async function describeFailure(
  error: unknown,
  origin: TextOrigin,
): Promise<{ lines: string[]; recorded: RecordedError }> {
  const cause = serverError(error);
  const { detail, hint, where } = cause;
  const code = cause instanceof AppError ? undefined : codeOf(cause);
  const sqlstate = isServerError(cause) ? code : undefined;
  const place = error instanceof TextFailure ? await locate(error, origin) : undefined;
  const file = basename(origin.file);
  const line = place?.offset === undefined ? undefined : lineAt(place.text, place.offset);
  if (origin.secret === true) return secretFailure(code, sqlstate, file, place?.inFile ? line : undefined);
  const hide = hiderOf([line?.text, cause.message, detail, where]);
  const advice = [adviceFor(sqlstate, line), line && findLookAlikes(place!.text, line.number, sqlstate)];
  const lines = [
    `${code === undefined ? "" : `${code}: `}${firstLine(cause.message)}`,
    ...(place === undefined ? [] : showPlace(place, line, file)),
    ...(detail ? [`  DETAIL: ${cut(detail, 500)}`] : []),
    ...(hint ? [`  HINT: ${cut(hint, 500)}`] : []),
    ...(where ? [`  WHERE: ${cut(firstLine(where), 200)}`] : []),
    ...advice.flatMap((sentence) => (sentence === undefined ? [] : [`  ${sentence}`])),
  ];
  return {
    lines: lines.map(hide),
    recorded: {
      message: hide(cut(cause.message, 1000)),
      sqlstate,
      detail: detail && hide(cut(detail, 500)),
      hint: hint && cut(hint, 500),
      file,
      line: place?.inFile ? line?.number : undefined,
      column: place?.inFile && place.exact ? line?.column : undefined,
    },
  };
}

/** The server's words may quote the text or its data, so that only code and place are told. */
function secretFailure(
  code: string | undefined,
  sqlstate: string | undefined,
  file: string,
  line: { readonly number: number; readonly column: number } | undefined,
): { lines: string[]; recorded: RecordedError } {
  const message = "the migration is marked as secret, so that what the server says of it is not shown";
  const at = line === undefined ? [] : [`  at ${file}:${line.number}`];
  return {
    lines: [`${code === undefined ? "" : `${code}: `}${message}`, ...at],
    recorded: { message, sqlstate, file, line: line?.number },
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

/** Replaces passwords by asterisks; the other characters of a line keep their columns. */
function hiderOf(texts: readonly (string | undefined)[]): (text: string) => string {
  const secrets = texts.flatMap((text = "") =>
    [...text.matchAll(/\bpassword\b\s*(?:=\s*)?(?:'((?:[^']|'')+)'?|"([^"]+)"|(?<==\s*)([^\s'",;]+))/gi)].map(
      ([, literal, quoted, bare]) => (literal ?? quoted ?? bare)!,
    ),
  );
  return (text) =>
    secrets.reduce((shown, secret) => shown.replaceAll(secret, "*".repeat(charactersIn(secret))), text);
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

function adviceFor(sqlstate: string | undefined, line: Line | undefined): string | undefined {
  // Outside a transaction it would do nothing, and say nothing.
  if (sqlstate === "25001" && /^set\b/i.test(line?.text.slice(line.offset) ?? ""))
    return "SET TRANSACTION must stand before every query: make it the first statement of the file, or begin that with BEGIN ISOLATION LEVEL … and end it with COMMIT.";
  return sqlstate === undefined ? undefined : advices[sqlstate];
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
