import { randomUUID } from "node:crypto";
import type { Request, Response } from "express";
import type { Logger } from "../log.ts";

/** Looks at a request when it comes in, and answers nothing. */
export type RequestWatcher = (request: Request, response: Response) => void;

/** Ids that may go into logs and headers as they are. */
const saneRequestId = /^[A-Za-z0-9._:-]{1,64}$/;

/** Paths that probes ask every few seconds; logged at debug unless they fail in an unexpected way. */
const probePaths = new Set(["/health", "/ready", "/readiness", "/metrics"]);

/**
 * Gives a request its id (the client's `X-Request-Id` when it is sane), returns it in a header, and writes one line per
 * request when the answer is out. Headers are never logged, so no token is. A line that the level leaves out is not made.
 */
export function createRequestLog(log: Logger): RequestWatcher {
  return (request, response) => {
    const started = Date.now();
    const given = request.headers["x-request-id"];
    const id = typeof given === "string" && saneRequestId.test(given) ? given : randomUUID();
    response.locals["requestId"] = id;
    response.setHeader("X-Request-Id", id);
    response.on("error", (error) => noteError(response, error));
    response.on("close", () => {
      const level = levelOf(request, response);
      if (log.isLevelEnabled(level)) writeLine(log, level, response, Date.now() - started);
    });
  };
}

/** What the log calls the request. */
export function requestIdOf({ locals }: Response): string {
  const id: unknown = locals["requestId"];
  return typeof id === "string" ? id : "";
}

/** Keeps what was thrown for the line of the request, which then is one of level error. */
export function noteError(response: Response, error: Error): void {
  response.locals["error"] = error;
}

type Level = "debug" | "info" | "error";

function levelOf(request: Request, { statusCode, locals }: Response): Level {
  if (probePaths.has(pathOf(request))) return "debug";
  if (statusCode === 501) return "info";
  return locals["error"] !== undefined || statusCode >= 500 ? "error" : "info";
}

function writeLine(log: Logger, level: Level, response: Response, durationMs: number): void {
  const { req: request, statusCode, locals } = response;
  const { method, originalUrl: url, socket } = request;
  const error: unknown = locals["error"];
  log[level](
    {
      requestId: requestIdOf(response),
      request: { method, url, from: socket.remoteAddress },
      // Aborted: the client hung up before it had the whole answer.
      response: { status: statusCode, ...(response.writableFinished ? {} : { aborted: true }) },
      ...(error === undefined ? {} : { error }),
      durationMs,
    },
    `${method} ${pathOf(request)} ${statusCode}`,
  );
}

function pathOf({ originalUrl }: Request): string {
  const query = originalUrl.indexOf("?");
  return query === -1 ? originalUrl : originalUrl.slice(0, query);
}
