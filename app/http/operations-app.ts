import type { Express } from "express";
import type { Logger } from "../log.ts";
import { createBaseApp } from "./base-app.ts";
import { createProbeRoutes } from "./probe-routes.ts";
import type { Readiness } from "./readiness.ts";

/** What probes ask, on a port of its own: it goes on answering while the API finishes its last requests. */
export function createOperationsApp(parts: { readiness: Readiness; log: Logger }): Express {
  return createBaseApp({
    log: parts.log,
    routes: [["/", createProbeRoutes(parts.readiness)]],
    hint: "This port answers /health, /ready and /version.",
  });
}
