import type { RequestHandler } from "express";
import { measureRequests } from "./http-metrics.ts";
import type { MetricsParts, MetricsRegister } from "./metrics-register.ts";
import type { RequestWatcher } from "./request-log.ts";

/** What `/metrics` tells, and what must be told of requests for it. */
export interface Metrics {
  /** To see every request first. */
  readonly measure: RequestWatcher;
  /** Answers `/metrics`. */
  readonly answer: RequestHandler;
}

/**
 * Metrics of a service. The library for them is loaded when there is something to tell, behind the first answer: the
 * time that it takes nobody should wait for at a start.
 */
export function createMetrics(parts: MetricsParts): Metrics {
  let loaded: MetricsRegister | undefined;
  let loading: Promise<MetricsRegister> | undefined;
  const load = async (): Promise<MetricsRegister> =>
    await (loading ??= import("./metrics-register.ts").then(
      ({ createMetricsRegister }) => (loaded = createMetricsRegister(parts)),
    ));
  return {
    measure: measureRequests((request) => {
      if (loaded === undefined) void load().then(({ observe }) => observe(request));
      else loaded.observe(request);
    }),
    async answer(_request, response) {
      const { contentType, text } = await load();
      response
        .set("Cache-Control", "no-store")
        .type(contentType)
        .send(await text());
    },
  };
}
