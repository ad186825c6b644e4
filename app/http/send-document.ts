import { createHash } from "node:crypto";
import type { Response } from "express";
import { imageRevision, version } from "../version.ts";

/** A text to be sent. */
export interface SentDocument {
  readonly text: string;
  /** What the text is made of, where that is shorter and changes whenever the text does; the entity tag comes from it. */
  readonly stamp?: string;
}

/** Another release may make another text of the same data. */
const release = `${version} ${imageRevision()}\n`;

/** Sends text (JSON, unless another type is said) that caches may keep as long as they ask each time whether it still holds. */
export function sendDocument(response: Response, { text, stamp }: SentDocument, type = "json"): void {
  response.set("Cache-Control", "public, max-age=0, must-revalidate");
  response.set("ETag", etagOf(stamp === undefined ? text : release + stamp));
  // Bytes: a string would be encoded twice, for its length and for the wire. Express answers 304 where If-None-Match holds the ETag.
  response.type(type).send(Buffer.from(text));
}

/** The entity tag of a text. */
export function etagOf(text: string): string {
  return `"${createHash("sha256").update(text).digest("base64url").slice(0, 27)}"`;
}

/** Sends JSON text about what the request has just changed, or about the request itself. */
export function sendResult(response: Response, json: string): void {
  response.set("Cache-Control", "no-store").type("json").send(json);
}
