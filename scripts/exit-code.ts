import { AppError, messageOf, type ErrorCode } from "../app/errors.ts";

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

/** The exit code for anything that was thrown; what was not thrown on purpose is a bug: 1. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof AppError)) return exitCodes.internal;
  const { exitCode } = error.details;
  return typeof exitCode === "number" ? exitCode : exitCodes[error.code];
}

/** Writes an expected failure as its sentence and a bug with its stack, and returns the exit code. */
export function reportError(error: unknown, stderr: { write(text: string): unknown }): number {
  const text = error instanceof AppError ? error.message : error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  stderr.write(`${text}\n`);
  return exitCodeOf(error);
}

/** An expected failure, or a bug without its insides, as it stands in a JSON answer. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof AppError)) return { code: "internal", message: "an unexpected error; see the log", exitCode: 1 };
  const { exitCode: _, ...details } = error.details;
  return { code: error.code, message: error.message, exitCode: exitCodeOf(error), details };
}
