import express, { type Express, type IRouter, type Request, type Response } from "express";
import type { Logger } from "../log.ts";
import { answerWithProblem, sendProblem } from "./problem.ts";
import { createRequestLog, type RequestWatcher } from "./request-log.ts";

export interface AppParts {
  readonly log: Logger;
  /** Sees every request first. */
  readonly watch?: RequestWatcher;
  readonly addRoutes: (router: IRouter) => void;
  /** Where a lost client should look. */
  readonly hint: string;
}

const longestUrl = 8192;

/**
 * What the API and the operations port have in common around their routes. What every request passes is one handler:
 * each step of Express' router costs more than what is done in it.
 */
export function createBaseApp({ log, watch, addRoutes, hint }: AppParts): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag"); // set by hand, on reads of the registry only
  app.enable("case sensitive routing");
  app.enable("strict routing");
  app.set("query parser", "simple");

  const logRequest = createRequestLog(log);
  app.use((request, response, next) => {
    watch?.(request, response);
    logRequest(request, response);
    for (const [name, value] of headersOfAll) response.setHeader(name, value);
    if (request.method === "OPTIONS") answerPreflight(response);
    else if (request.url.length > longestUrl) refuseLongUrl(response);
    else if (hasTrailingSlash(request)) dropTrailingSlash(request, response);
    else next();
  });
  addRoutes(app);
  app.use((request, response) => {
    const path = request.path.length > 200 ? `${request.path.slice(0, 199)}…` : request.path;
    sendProblem(response, { status: 404, code: "not-found", detail: `There is nothing at ${path}. ${hint}` });
  });
  app.use(answerWithProblem);
  return app;
}

/**
 * A registry is public: any page may read it, none may use a visitor's credentials. And a browser that opens an answer
 * shows it as the data it is: it runs nothing of it, puts it into no frame, and sends nobody on with our address.
 */
const headersOfAll = Object.entries({
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "ETag,Location,Retry-After",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "cross-origin",
});

/** What a page of another origin may send, whatever it asks about; it may remember the answer for a day. */
const preflightHeaders = Object.entries({
  "Access-Control-Allow-Methods": "GET,HEAD,POST,PATCH,OPTIONS",
  "Access-Control-Allow-Headers": "Authorization,Content-Type,If-None-Match",
  "Access-Control-Max-Age": "86400",
  "Content-Length": "0",
});

function answerPreflight(response: Response): void {
  for (const [name, value] of preflightHeaders) response.setHeader(name, value);
  response.status(204).end();
}

function refuseLongUrl(response: Response): void {
  const detail = `The URL is longer than ${longestUrl} characters.`;
  sendProblem(response, { status: 414, code: "too-large", detail });
}

function hasTrailingSlash({ path }: Request): boolean {
  return path.length > 1 && path.endsWith("/");
}

function dropTrailingSlash({ path, originalUrl }: Request, response: Response): void {
  // One slash at the front: `//host/` would send the browser to another host, and so would `/\host/`.
  const target = `/${path.replace(/^[/\\]+/, "").replace(/\/+$/, "")}`;
  const query = originalUrl.indexOf("?");
  response.set({
    Location: target + (query === -1 ? "" : originalUrl.slice(query)),
    "Cache-Control": "no-store",
  });
  response.status(308).end();
}
