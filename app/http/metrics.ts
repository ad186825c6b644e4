import type { RequestHandler } from "express";
import { measureRequests } from "./http-metrics.ts";
import type { MetricsParts, MetricsRegister } from "./metrics-register.ts";

/** What `/metrics` tells, and what must be told of requests for it. */
export interface Metrics {
  /** To be the first handler of an app. */
  readonly measure: RequestHandler;
  /** Answers `/metrics`. */
  readonly answer: RequestHandler;
}

/**
 * Metrics of a service. The library for them is loaded when there is something to tell, behind the first answer: the
 * time that it takes nobody should wait for at a start.
 */
export function createMetrics(parts: MetricsParts): Metrics {
  let loading: Promise<MetricsRegister> | undefined;
  const load = async (): Promise<MetricsRegister> =>
    await (loading ??= import("./metrics-register.ts").then(({ createMetricsRegister }) =>
      createMetricsRegister(parts),
    ));
  return {
    measure: measureRequests((request) => void load().then(({ observe }) => observe(request))),
    async answer(_request, response) {
      const { contentType, text } = await load();
      response
        .set("Cache-Control", "no-store")
        .type(contentType)
        .send(await text());
    },
  };
}
