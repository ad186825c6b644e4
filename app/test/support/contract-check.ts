import { readFileSync } from "node:fs";
import type { RequestListener, ServerResponse } from "node:http";
import { afterEach } from "@jest/globals";
import { parse } from "yaml";
import { openApiFile } from "../../http/openapi-route.ts";
import { Contract, type Exchange } from "./contract.ts";

/** Our own description of the API. */
export const contract: Contract = new Contract(parse(readFileSync(openApiFile, "utf8")));

const broken: string[] = [];

// Whatever a test looks at itself: no answer that it got may be another one than we describe.
afterEach(() => {
  const found = broken.splice(0);
  if (found.length > 0) throw new Error(`Answers that openapi.yaml does not describe:\n${found.join("\n")}`);
});

/** The app, with an eye on every answer that leaves it. */
export function watched(app: RequestListener): RequestListener {
  return (request, response) => {
    const { method = "", url: path = "" } = request; // Express shortens it on the way
    collectBody(response, (body) =>
      noteExchange({ method, path, status: response.statusCode, headers: response.getHeaders(), body }),
    );
    app(request, response);
  };
}

/** Notes what is wrong with an answer, for the end of the test. */
export function noteExchange(exchange: Exchange): void {
  broken.push(...complaintsAbout(exchange));
}

/** What the answer does not keep. Where no operation is named it can only be a problem, a redirect or the answer to OPTIONS. */
export function complaintsAbout(exchange: Exchange): string[] {
  const { method, path, status, headers, body } = exchange;
  if (status === 308 || (method === "OPTIONS" && status === 204)) return [];
  if (isPage(exchange)) return [];
  const found =
    contract.complaints(exchange) ??
    // Every operation describes the same one.
    contract.complaints({
      method: method === "HEAD" ? "HEAD" : "GET",
      path: "/health",
      status: status < 400 ? 999 : status,
      headers,
      body,
    }) ??
    [];
  return found.map((complaint) => `${method} ${path} ${status}: ${complaint}`);
}

/** Pages are for people, and no part of the API. What is answered below a base path never is one. */
function isPage({ path, status, headers }: Exchange): boolean {
  const isText = /^text\/(?:html|css);/.test(String(headers["content-type"]));
  return (isText || status === 304) && /^\/(?:$|\?|servers\/|schema\b|pages\.css\b)/.test(path);
}

function collectBody(response: ServerResponse, onEnd: (body: string) => void): void {
  const chunks: Buffer[] = [];
  const collect = (chunk: unknown): void => {
    if (typeof chunk === "string" || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string));
  };
  const { write, end } = response;
  response.write = function (this: ServerResponse, ...args: unknown[]): boolean {
    collect(args[0]);
    return Reflect.apply(write, this, args) as boolean;
  } as typeof write;
  response.end = function (this: ServerResponse, ...args: unknown[]): ServerResponse {
    collect(args[0]);
    onEnd(Buffer.concat(chunks).toString("utf8"));
    return Reflect.apply(end, this, args) as ServerResponse;
  } as typeof end;
}
