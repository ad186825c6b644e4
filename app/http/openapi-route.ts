import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Router } from "express";
import { projectRoot } from "../version.ts";
import { byMethod } from "./methods.ts";
import { atRoute } from "./route.ts";

/** The description of the API; it stands beside this file in the sources, and there in the image, too. */
export const openApiFile: string = join(projectRoot, "app", "http", "openapi.yaml");

/** `/openapi.yaml`, which clients read to see whether this is a registry. */
export function createOpenApiRoute(): Router {
  const text = readFileSync(openApiFile, "utf8");
  const etag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 27)}"`;
  const router = Router({ caseSensitive: true, strict: true });
  router.all(
    "/openapi.yaml",
    atRoute(
      "/openapi.yaml",
      byMethod({
        GET: (_request, response) => {
          response.set({ "Cache-Control": "public, max-age=0, must-revalidate", ETag: etag });
          response.type("application/yaml").send(text);
        },
      }),
    ),
  );
  return router;
}
