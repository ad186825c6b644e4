import { Router, type RequestHandler } from "express";
import { imageRevision, version } from "../version.ts";
import { byMethod } from "./methods.ts";
import { atRoute } from "./route.ts";
import { answerReadiness, type Readiness } from "./readiness.ts";

/** `/health` (the process runs), `/ready` (it should get traffic) and `/version`, for both ports. */
export function createProbeRoutes(readiness: Readiness): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const add = (paths: string[], handler: RequestHandler): unknown =>
    router.all(paths, atRoute(paths[0]!, byMethod({ GET: handler })));
  add(["/health"], (_request, response) => void noStore(response).json({ status: "ok" }));
  add(["/ready", "/readiness"], answerReadiness(readiness));
  add(
    ["/version"],
    (_request, response) =>
      void noStore(response).json({ name: "headgate", version, revision: imageRevision() }),
  );
  return router;
}

function noStore<R extends { set(name: string, value: string): R }>(response: R): R {
  return response.set("Cache-Control", "no-store");
}
