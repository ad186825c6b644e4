import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Router } from "express";
import { byMethod } from "./methods.ts";
import { atRoute } from "./route.ts";
import { sendDocument } from "./send-document.ts";

/** The description of the API; it stands beside this file, and beside the bundle that this file becomes a part of. */
export const openApiFile: string = join(import.meta.dirname, "openapi.yaml");

/** `/openapi.yaml`, which clients read to see whether this is a registry. */
export function createOpenApiRoute(): Router {
  let text: string | undefined;
  const router = Router({ caseSensitive: true, strict: true });
  router.all(
    "/openapi.yaml",
    atRoute(
      "/openapi.yaml",
      byMethod({
        GET: (_request, response) =>
          sendDocument(
            response,
            { text: (text ??= readFileSync(openApiFile, "utf8")) },
            "application/yaml; charset=utf-8",
          ),
      }),
    ),
  );
  return router;
}
