import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pinoHttp, type HttpLogger } from "pino-http";
import type { Logger } from "../log.ts";

/** Ids that may go into logs and headers as they are. */
const saneRequestId = /^[A-Za-z0-9._:-]{1,64}$/;

/** Paths that probes ask every few seconds; logged at debug unless they fail in an unexpected way. */
const probePaths = new Set(["/health", "/ready", "/readiness", "/metrics"]);

/**
 * Middleware that gives a request its id (the client's `X-Request-Id` when it is sane), returns it, and writes one line
 * per request when the answer is out. Headers are never logged, so no token is.
 */
export function createRequestLog(log: Logger): HttpLogger {
  return pinoHttp({
    logger: log,
    genReqId(request: IncomingMessage, response: ServerResponse) {
      const given = request.headers["x-request-id"];
      const id = typeof given === "string" && saneRequestId.test(given) ? given : randomUUID();
      response.setHeader("X-Request-Id", id);
      return id;
    },
    quietReqLogger: true,
    customAttributeKeys: {
      req: "request",
      res: "response",
      err: "error",
      reqId: "requestId",
      responseTime: "durationMs",
    },
    wrapSerializers: false,
    serializers: {
      request: ({ method, url, socket }: IncomingMessage) => ({ method, url, from: socket.remoteAddress }),
      response: ({ statusCode, writableFinished }: ServerResponse) => ({
        status: statusCode,
        // The client hung up before it had the whole answer.
        ...(writableFinished ? {} : { aborted: true }),
      }),
    },
    customLogLevel(request, response, error) {
      if (probePaths.has(pathOf(request))) return "debug";
      if (response.statusCode === 501) return "info";
      return error !== undefined || response.statusCode >= 500 ? "error" : "info";
    },
    customSuccessMessage: (request, response) =>
      `${request.method} ${pathOf(request)} ${response.statusCode}`,
    customErrorMessage: (request, response) => `${request.method} ${pathOf(request)} ${response.statusCode}`,
    // pino-http makes an error of its own for every 5xx; only what was really thrown is worth a stack.
    customErrorObject: (_request, response, _error, { error: _made, ...fields }: { error?: unknown }) => ({
      ...fields,
      ...(response.err === undefined ? {} : { error: response.err }),
    }),
  });
}

function pathOf(request: IncomingMessage): string {
  // Express shortens `url` inside a mounted router.
  const url = "originalUrl" in request ? String(request.originalUrl) : (request.url ?? "");
  return url.split("?", 1)[0] ?? "";
}
