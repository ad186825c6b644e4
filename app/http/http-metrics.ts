import type { RequestHandler } from "express";
import prometheus from "prom-client";
import { routeOf } from "./route.ts";

/** How long requests take. */
export interface HttpMetrics {
  /** To be the first handler of an app. */
  readonly measure: RequestHandler;
}

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/**
 * A histogram by route, method and status. Each label has few values, whatever is asked for: routes are templates, what
 * none of them answers is `other`, and so is a method that the API does not know.
 */
export function createHttpMetrics(register: prometheus.Registry): HttpMetrics {
  const durations = new prometheus.Histogram({
    name: "headgate_http_request_duration_seconds",
    help: "Time from the head of a request to the end of its answer. Status 499: the client did not wait.",
    labelNames: ["route", "method", "status"] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [register],
  });
  return {
    measure(request, response, next) {
      const stop = durations.startTimer();
      const { method } = request;
      response.once("close", () =>
        stop({
          route: routeOf(response) ?? "other",
          method: methods.has(method) ? method : "other",
          status: response.writableFinished ? response.statusCode : 499,
        }),
      );
      next();
    },
  };
}
