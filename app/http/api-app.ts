import type { Express } from "express";
import type { Logger } from "../log.ts";
import type { Database } from "../registry/statement.ts";
import { createBaseApp } from "./base-app.ts";
import { createProbeRoutes } from "./probe-routes.ts";
import type { Readiness } from "./readiness.ts";
import { createRegistryRouter } from "./registry-router.ts";

/** Clients of different ages know the API at different places. */
export const basePaths = ["/v0.1", "/v0", "/api/v0", "/api/v0.1"];

/** The API as the world sees it. */
export function createApiApp(parts: { database: Database; readiness: Readiness; log: Logger }): Express {
  return createBaseApp({
    log: parts.log,
    routes: [
      ["/", createProbeRoutes(parts.readiness)],
      [basePaths, createRegistryRouter(parts.database)],
    ],
    hint: "The registry's servers are at /v0.1/servers.",
  });
}
