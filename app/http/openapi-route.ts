import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Router } from "express";
import { byMethod } from "./methods.ts";
import { atRoute } from "./route.ts";

/** The description of the API; it stands beside this file, and beside the bundle that this file becomes a part of. */
export const openApiFile: string = join(import.meta.dirname, "openapi.yaml");

/** `/openapi.yaml`, which clients read to see whether this is a registry. */
export function createOpenApiRoute(): Router {
  let document: { readonly text: string; readonly etag: string } | undefined;
  const router = Router({ caseSensitive: true, strict: true });
  router.all(
    "/openapi.yaml",
    atRoute(
      "/openapi.yaml",
      byMethod({
        GET: (_request, response) => {
          const { text, etag } = (document ??= readDocument());
          response.set({ "Cache-Control": "public, max-age=0, must-revalidate", ETag: etag });
          response.type("application/yaml").send(text);
        },
      }),
    ),
  );
  return router;
}

function readDocument(): { readonly text: string; readonly etag: string } {
  const text = readFileSync(openApiFile, "utf8");
  return { text, etag: `"${createHash("sha256").update(text).digest("base64url").slice(0, 27)}"` };
}
