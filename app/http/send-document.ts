import { hash } from "node:crypto";
import type { Response } from "express";
import { imageRevision, version } from "../version.ts";

/** A text to be sent; bytes are UTF-8. */
export interface SentDocument {
  readonly text: string | Buffer;
  /** What the text is made of, where that is shorter and changes whenever the text does; the entity tag comes from it. */
  readonly stamp?: string;
  /** The entity tag, where it is known already. */
  readonly etag?: string;
}

/** A document with all that sending it takes, to be sent more than once; the text has memory of its own. */
export interface FinishedDocument extends SentDocument {
  readonly text: Buffer;
  readonly etag: string;
}

export function finishDocument(document: SentDocument): FinishedDocument {
  return { text: ownBytes(document.text), etag: etagOfDocument(document) };
}

/** Short buffers are cut from a larger one, which each of them would keep. */
function ownBytes(text: string | Buffer): Buffer {
  if (typeof text !== "string" && text.buffer.byteLength === text.length) return text;
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  if (typeof text === "string") bytes.write(text);
  else text.copy(bytes);
  return bytes;
}

/** Another release may make another text of the same data. */
const release = `${version} ${imageRevision()}\n`;

const jsonType = "application/json; charset=utf-8";

/**
 * Sends text (JSON, unless another type is said) that caches may keep as long as they ask each time whether it still
 * holds. Node writes head and body together, and the head alone for HEAD.
 */
export function sendDocument(response: Response, document: SentDocument, type = jsonType): void {
  const { text } = document;
  const { req: request } = response;
  response.setHeader("Cache-Control", "public, max-age=0, must-revalidate");
  response.setHeader("ETag", document.etag ?? etagOfDocument(document));
  if (request.headers["if-none-match"] !== undefined && request.fresh) {
    response.status(304).end();
    return;
  }
  response.setHeader("Content-Type", type);
  // Said here: for HEAD Node would leave it out.
  response.setHeader("Content-Length", Buffer.byteLength(text));
  response.end(text);
}

function etagOfDocument({ text, stamp }: SentDocument): string {
  return etagOf(stamp === undefined ? text : release + stamp);
}

/** The entity tag of a text. */
export function etagOf(text: string | Buffer): string {
  return `"${hash("sha256", text, "base64url").slice(0, 27)}"`;
}

/** Sends JSON text about what the request has just changed, or about the request itself. */
export function sendResult(response: Response, json: string): void {
  response.set("Cache-Control", "no-store").type("json").send(json);
}
