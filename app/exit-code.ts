import { AppError, messageOf, type ErrorCode } from "./errors.ts";
import type { Logger } from "./log.ts";

/** The documented exit code of every kind of failure (README, "Exit codes"). */
const exitCodes = {
  internal: 1,
  usage: 2,
  configuration: 2,
  "migration-files-invalid": 7,
  "database-unreachable": 4,
  "lock-not-obtained": 5,
  "lock-lost": 6,
  "migration-failed": 6,
  "history-conflict": 7,
  "database-refused": 8,
  "image-too-old": 9,
  interrupted: 143,
  // Codes of the API, which a program meets only through a fault of ours or as an answer about its input.
  "invalid-request": 2,
  unprocessable: 2,
  "too-large": 2,
  unauthorized: 8,
  forbidden: 8,
  "not-found": 3,
  "already-exists": 3,
  "method-not-allowed": 1,
  "unsupported-media-type": 1,
  "not-implemented": 1,
  unavailable: 4,
} as const satisfies Record<ErrorCode, number>;

/** What each exit code tells, for the help and the README. */
export const exitCodeMeanings: readonly {
  readonly code: string;
  readonly meaning: string;
  readonly advice: string;
}[] = [
  { code: "0", meaning: "done, or nothing to do", advice: "nothing" },
  {
    code: "1",
    meaning: "a bug in Headgate, or stdout could not be written",
    advice: "free the disk if that is what the message says; else report it, with the log",
  },
  {
    code: "2",
    meaning: "usage or configuration",
    advice: "correct what the message names; nothing was touched",
  },
  {
    code: "3",
    meaning: "the answer is no: migrations are pending, something was found, or you declined",
    advice: "for a deploy: run `migrate up` first",
  },
  {
    code: "4",
    meaning: "the database was not reachable in time, or its connection was lost",
    advice: "check address and server, or raise `WAIT_TIMEOUT`; a run goes on where it was",
  },
  {
    code: "5",
    meaning: "the migration lock was not obtained",
    advice: "the message names the holder: end it if it is stuck",
  },
  {
    code: "6",
    meaning: "a migration failed; it was rolled back, or the message says what was not",
    advice: "correct the migration and start again; it resumes where it stopped",
  },
  {
    code: "7",
    meaning: "files and history disagree, or an interrupted run needs a decision",
    advice: "the message says which file; restore it, or `migrate repair`",
  },
  {
    code: "8",
    meaning: "the database refused us: password, role, database, privileges, pooler, version",
    advice: "correct the credentials or grants; waiting does not help",
  },
  { code: "9", meaning: "this image is too old for the schema", advice: "deploy the newer image" },
  {
    code: "128+n",
    meaning: "ended by signal n (143 TERM, 130 INT)",
    advice: "start again; what was not committed was rolled back",
  },
];

/** The exit code for anything that was thrown; what was not thrown on purpose is a bug: 1. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof AppError)) return exitCodes.internal;
  const { exitCode } = error.details;
  return typeof exitCode === "number" ? exitCode : exitCodes[error.code];
}

/** Writes an expected failure as its sentence and a bug with its stack, and returns the exit code. */
export function reportError(error: unknown, stderr: { write(text: string): unknown }): number {
  stderr.write(`${textOf(error)}\n`);
  return exitCodeOf(error);
}

/** An expected failure's sentence, or a bug's stack. */
export function textOf(error: unknown): string {
  if (error instanceof AppError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}

/** The same as one message of the log, with the facts as fields. */
export function logError(error: unknown, log: Pick<Logger, "error">): number {
  const exitCode = exitCodeOf(error);
  if (error instanceof AppError) log.error({ code: error.code, exitCode }, error.message);
  else log.error({ exitCode, error }, messageOf(error));
  return exitCode;
}

/** An expected failure, or a bug without its insides, as it stands in a JSON answer. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof AppError))
    return { code: "internal", message: "an unexpected error; see the log", exitCode: 1, details: {} };
  const { exitCode: _, ...details } = error.details;
  return { code: error.code, message: error.message, exitCode: exitCodeOf(error), details };
}
