/**
 * Every kind of failure that Headgate reports on purpose. The programs turn a code into an exit code
 * (app/exit-code.ts) and the API into an HTTP status (app/http/problem.ts); the compiler asks both for every
 * code of this union.
 */
export type ErrorCode =
  // what somebody typed or configured
  | "usage"
  | "configuration"
  // the database, seen from outside
  | "database-unreachable"
  | "database-refused"
  // migrations
  | "migration-files-invalid"
  | "lock-not-obtained"
  | "lock-lost"
  | "migration-failed"
  | "history-conflict"
  | "image-too-old"
  // the API
  | "invalid-request"
  | "unprocessable"
  | "unauthorized"
  | "forbidden"
  | "not-found"
  | "method-not-allowed"
  | "already-exists"
  | "too-large"
  | "unsupported-media-type"
  | "not-implemented"
  | "unavailable"
  // a program was told to stop
  | "interrupted"
  // the fault is ours
  | "internal";

/** An expected failure: a code to decide on, and a message for a person that says what failed and what to do next. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** Extra facts for structured output (JSON, problem bodies). Never a secret. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The message of anything that was thrown, without its stack. */
export function messageOf(error: unknown): string {
  const { message, errors } = (error ?? {}) as { message?: unknown; errors?: unknown };
  // Node reports several failed addresses of one host as an error without a message of its own.
  if (message === "" && Array.isArray(errors)) return errors.map(messageOf).join("; ");
  return typeof message === "string" ? message : String(error);
}
