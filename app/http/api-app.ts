import type { Express } from "express";
import type { Logger } from "../log.ts";
import { createBaseApp } from "./base-app.ts";
import type { Metrics } from "./metrics.ts";
import { createOpenApiRoute } from "./openapi-route.ts";
import { createProbeRoutes } from "./probe-routes.ts";
import { createPagesRouter, type PagesParts } from "./pages/pages-router.ts";
import type { RegistryParts } from "./publish-routes.ts";
import type { Readiness } from "./readiness.ts";
import { createRegistryRouter } from "./registry-router.ts";

/** Clients of different ages know the API at different places. */
export const basePaths = ["/v0.1", "/v0", "/api/v0", "/api/v0.1"];

/** The API as the world sees it, with its pages for people. */
export function createApiApp(
  parts: RegistryParts &
    PagesParts & {
      readonly readiness: Readiness;
      readonly metrics: Pick<Metrics, "measure">;
      readonly log: Logger;
    },
): Express {
  return createBaseApp({
    log: parts.log,
    before: [parts.metrics.measure],
    routes: [
      ["/", createProbeRoutes(parts.readiness)],
      ["/", createOpenApiRoute()],
      [basePaths, createRegistryRouter(parts)],
      ["/", createPagesRouter(parts)],
    ],
    hint: "The registry's servers are at /v0.1/servers.",
  });
}
