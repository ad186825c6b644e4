import { hash } from "node:crypto";
import type { Response } from "express";
import { imageRevision, version } from "../version.ts";

/** A text to be sent; bytes are UTF-8. */
export interface SentDocument {
  readonly text: string | Buffer;
  /** What the text is made of, where that is shorter and changes whenever the text does; the entity tag comes from it. */
  readonly stamp?: string;
}

/** Another release may make another text of the same data. */
const release = `${version} ${imageRevision()}\n`;

const jsonType = "application/json; charset=utf-8";

/**
 * Sends text (JSON, unless another type is said) that caches may keep as long as they ask each time whether it still
 * holds. Node writes head and body together, and the head alone for HEAD.
 */
export function sendDocument(response: Response, { text, stamp }: SentDocument, type = jsonType): void {
  const { req: request } = response;
  response.setHeader("Cache-Control", "public, max-age=0, must-revalidate");
  response.setHeader("ETag", etagOf(stamp === undefined ? text : release + stamp));
  if (request.headers["if-none-match"] !== undefined && request.fresh) {
    response.status(304).end();
    return;
  }
  response.setHeader("Content-Type", type);
  // Said here: for HEAD Node would leave it out.
  response.setHeader("Content-Length", Buffer.byteLength(text));
  response.end(text);
}

/** The entity tag of a text. */
export function etagOf(text: string | Buffer): string {
  return `"${hash("sha256", text, "base64url").slice(0, 27)}"`;
}

/** Sends JSON text about what the request has just changed, or about the request itself. */
export function sendResult(response: Response, json: string): void {
  response.set("Cache-Control", "no-store").type("json").send(json);
}
