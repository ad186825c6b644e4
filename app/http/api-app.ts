import type { Express, RequestHandler } from "express";
import type { Logger } from "../log.ts";
import { createBaseApp } from "./base-app.ts";
import type { Metrics } from "./metrics.ts";
import { createOpenApiRoute } from "./openapi-route.ts";
import { createProbeRoutes } from "./probe-routes.ts";
import type { PagesParts } from "./pages/pages-router.ts";
import type { RegistryParts } from "./publish-routes.ts";
import type { Readiness } from "./readiness.ts";
import { addRegistryRoutes } from "./registry-routes.ts";

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
    watch: parts.metrics.measure,
    addRoutes(router) {
      // Express tries one after the other: what is asked for most comes first.
      addRegistryRoutes(router, parts);
      router.use(createProbeRoutes(parts.readiness));
      router.use(createOpenApiRoute());
      router.use(loadPages(parts));
    },
    hint: "The registry's servers are at /v0.1/servers.",
  });
}

/** The pages for people. No start waits for them: who asks first does. */
function loadPages(parts: PagesParts): RequestHandler {
  let pages: Promise<RequestHandler> | undefined;
  const load = async (): Promise<RequestHandler> => {
    const { createPagesRouter } = await import("./pages/pages-router.ts");
    return createPagesRouter(parts);
  };
  return async (request, response, next) => (await (pages ??= load()))(request, response, next);
}
