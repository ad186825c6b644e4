import { STATUS_CODES } from "node:http";
import type { ErrorRequestHandler, Response } from "express";
import { AppError, type ErrorCode } from "../errors.ts";
import { noteError, requestIdOf } from "./request-log.ts";
import { brokenEscape } from "./server-path.ts";

/** The HTTP status of every kind of failure. */
const statuses = {
  "invalid-request": 400,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  "method-not-allowed": 405,
  "already-exists": 409,
  "too-large": 413,
  "unsupported-media-type": 415,
  unprocessable: 422,
  "not-implemented": 501,
  "database-unreachable": 503,
  "database-refused": 503,
  unavailable: 503,
  // Failures of programs; should the API ever meet one, the fault is ours.
  internal: 500,
  usage: 500,
  configuration: 500,
  "migration-files-invalid": 500,
  "lock-not-obtained": 500,
  "lock-lost": 500,
  "migration-failed": 500,
  "history-conflict": 500,
  "image-too-old": 500,
  interrupted: 500,
} as const satisfies Record<ErrorCode, number>;

/** When a client may try again after a 503, in seconds. */
export const retryAfter = "2";

/** One thing that is wrong with a request: `location` reads like `query.limit`. */
export interface Complaint {
  readonly message: string;
  readonly location: string;
  readonly value?: unknown;
}

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly Complaint[];
}

/** The body of an error (RFC 9457). `error` repeats `detail`: clients of the specification read that one. */
export function renderProblem({ status, code, detail, errors }: Problem, requestId: string): string {
  return JSON.stringify({
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    error: detail,
    code,
    requestId,
    ...(errors === undefined ? {} : { errors }),
  });
}

export function sendProblem(response: Response, problem: Problem): void {
  setProblemHeaders(response, problem);
  response.type("application/problem+json").send(renderProblem(problem, requestIdOf(response)));
}

/** Status and headers of an error, whatever its body is. */
export function setProblemHeaders(response: Response, { status }: Problem): void {
  response.status(status).set("Cache-Control", "no-store");
  if (status === 503) response.set("Retry-After", retryAfter);
}

/** What a client is told about an error. Nothing that only we should know leaves with a 5xx. */
export function problemOf(thrown: unknown): Problem {
  if (isExpressError(thrown)) return { status: 400, code: "invalid-request", detail: brokenEscape };
  const error = thrown instanceof AppError ? thrown : undefined;
  const status = error === undefined ? 500 : statuses[error.code];
  const code = error?.code ?? "internal";
  if (status === 503) {
    return {
      status,
      code: "unavailable",
      detail: "The registry cannot use its database right now. Try again in a few seconds.",
    };
  }
  if (error === undefined || status === 500) {
    return {
      status,
      code: "internal",
      detail: "Something went wrong on our side. Give the requestId when you report it.",
    };
  }
  const { errors } = error.details as { errors?: readonly Complaint[] };
  return { status, code, detail: error.message, ...(errors === undefined ? {} : { errors }) };
}

/** A handler for what was thrown: it becomes a problem that `send` answers, and is kept for the log. */
export function answerErrors(send: (response: Response, problem: Problem) => void): ErrorRequestHandler {
  return (thrown: unknown, _request, response, next) => {
    const problem = problemOf(thrown);
    if (problem.status >= 500 && problem.status !== 501)
      noteError(response, thrown instanceof Error ? thrown : new Error(String(thrown)));
    if (response.headersSent) {
      next(thrown); // Express cuts the connection, so that nobody takes half an answer for a whole one.
      return;
    }
    send(response, problem);
  };
}

/** The last handler of an app. */
export const answerWithProblem: ErrorRequestHandler = answerErrors(sendProblem);

/** Express reports an escape that cannot be decoded as an error with status 400. */
function isExpressError(thrown: unknown): boolean {
  return thrown instanceof URIError && "status" in thrown && thrown.status === 400;
}
