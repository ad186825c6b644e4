import type { Logger } from "../log.ts";
import { Router, type Express } from "express";
import { createBaseApp } from "./base-app.ts";
import { byMethod } from "./methods.ts";
import type { Metrics } from "./metrics.ts";
import { createProbeRoutes } from "./probe-routes.ts";
import type { Readiness } from "./readiness.ts";

/** What probes and Prometheus ask, on a port of its own: it goes on answering while the API finishes its last requests. */
export function createOperationsApp(parts: {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly log: Logger;
}): Express {
  const metrics = Router({ caseSensitive: true, strict: true });
  metrics.all("/metrics", byMethod({ GET: parts.metrics.answer }));
  return createBaseApp({
    log: parts.log,
    addRoutes(router) {
      router.use(createProbeRoutes(parts.readiness));
      router.use(metrics);
    },
    hint: "This port answers /health, /ready, /metrics and /version.",
  });
}
