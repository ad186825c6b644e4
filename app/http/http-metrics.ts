import type { RequestWatcher } from "./request-log.ts";
import { routeOf } from "./route.ts";

/** A request that has ended. */
export interface ObservedRequest {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
}

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/**
 * Tells `observe` of each request by route, method and status. Each of them has few values,
 * whatever is asked for: routes are templates, what none of them answers is `other`, and so is a method that the API
 * does not know. Status 499: the client did not wait.
 */
export function measureRequests(observe: (request: ObservedRequest) => void): RequestWatcher {
  return (request, response) => {
    const started = performance.now();
    const { method } = request;
    response.on("close", () =>
      observe({
        route: routeOf(response) ?? "other",
        method: methods.has(method) ? method : "other",
        status: response.writableFinished ? response.statusCode : 499,
        seconds: (performance.now() - started) / 1000,
      }),
    );
  };
}
