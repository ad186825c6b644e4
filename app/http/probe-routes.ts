import { Router } from "express";
import { imageRevision, version } from "../version.ts";
import { byMethod } from "./methods.ts";
import { answerReadiness, type Readiness } from "./readiness.ts";

/** `/health` (the process runs), `/ready` (it should get traffic) and `/version`, for both ports. */
export function createProbeRoutes(readiness: Readiness): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.all(
    "/health",
    byMethod({ GET: (_request, response) => void noStore(response).json({ status: "ok" }) }),
  );
  router.all(["/ready", "/readiness"], byMethod({ GET: answerReadiness(readiness) }));
  router.all(
    "/version",
    byMethod({
      GET: (_request, response) =>
        void noStore(response).json({ name: "headgate", version, revision: imageRevision() }),
    }),
  );
  return router;
}

function noStore<R extends { set(name: string, value: string): R }>(response: R): R {
  return response.set("Cache-Control", "no-store");
}
