import { createHash } from "node:crypto";
import type { Response } from "express";

/** Sends text (JSON, unless another type is said) that caches may keep as long as they ask each time whether it still holds. */
export function sendDocument(response: Response, text: string, type = "json"): void {
  response.set("Cache-Control", "public, max-age=0, must-revalidate");
  response.set("ETag", etagOf(text));
  response.type(type).send(text); // Express answers 304 where If-None-Match holds the ETag.
}

/** The entity tag of a text. */
export function etagOf(text: string): string {
  return `"${createHash("sha256").update(text).digest("base64url").slice(0, 27)}"`;
}

/** Sends JSON text about what the request has just changed, or about the request itself. */
export function sendResult(response: Response, json: string): void {
  response.set("Cache-Control", "no-store").type("json").send(json);
}
