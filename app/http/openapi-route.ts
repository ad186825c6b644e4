import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Router } from "express";
import { projectRoot } from "../version.ts";
import { byMethod } from "./methods.ts";
import { atRoute } from "./route.ts";
import { sendDocument } from "./send-document.ts";

/** The description of the API; it stands beside this file in the sources, and there in the image, too. */
export const openApiFile: string = join(projectRoot, "app", "http", "openapi.yaml");

/** `/openapi.yaml`, which clients read to see whether this is a registry. */
export function createOpenApiRoute(): Router {
  const text = readFileSync(openApiFile, "utf8");
  const router = Router({ caseSensitive: true, strict: true });
  router.all(
    "/openapi.yaml",
    atRoute(
      "/openapi.yaml",
      byMethod({
        GET: (_request, response) => sendDocument(response, text, "application/yaml"),
      }),
    ),
  );
  return router;
}
