import { createHash } from "node:crypto";
import type { Response } from "express";

/** Sends JSON text that caches may keep as long as they ask each time whether it still holds. */
export function sendDocument(response: Response, json: string): void {
  response.set("Cache-Control", "public, max-age=0, must-revalidate");
  response.set("ETag", `"${createHash("sha256").update(json).digest("base64url").slice(0, 27)}"`);
  response.type("json").send(json); // Express answers 304 where If-None-Match holds the ETag.
}

/** Sends JSON text about what the request has just changed, or about the request itself. */
export function sendResult(response: Response, json: string): void {
  response.set("Cache-Control", "no-store").type("json").send(json);
}
