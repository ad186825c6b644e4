import cors from "cors";
import express, { type Express, type RequestHandler, type Router } from "express";
import type { Logger } from "../log.ts";
import { answerWithProblem, sendProblem } from "./problem.ts";
import { createRequestLog } from "./request-log.ts";

export interface AppParts {
  readonly log: Logger;
  /** What sees every request first. */
  readonly before?: readonly RequestHandler[];
  readonly routes: readonly (readonly [path: string | string[], router: Router])[];
  /** Where a lost client should look. */
  readonly hint: string;
}

const longestUrl = 8192;

/** What the API and the operations port have in common around their routes. */
export function createBaseApp({ log, before = [], routes, hint }: AppParts): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag"); // set by hand, on reads of the registry only
  app.enable("case sensitive routing");
  app.enable("strict routing");
  app.set("query parser", "simple");

  for (const handler of before) app.use(handler);
  app.use(createRequestLog(log));
  app.use(allowOtherOrigins);
  app.use((_request, response, next) => {
    response.set(safeHeaders);
    next();
  });
  app.use(refuseLongUrls);
  app.use(dropTrailingSlash);
  for (const [path, router] of routes) app.use(path, router);
  app.use((request, response) => {
    const path = request.path.length > 200 ? `${request.path.slice(0, 199)}…` : request.path;
    sendProblem(response, { status: 404, code: "not-found", detail: `There is nothing at ${path}. ${hint}` });
  });
  app.use(answerWithProblem);
  return app;
}

/**
 * A browser that opens an answer shows it as the data it is: it runs nothing of it, puts it into no frame, and sends
 * nobody on with our address. `Cross-Origin-Resource-Policy` agrees with CORS: everybody may read.
 */
const safeHeaders = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/** A registry is public: any page may read it, none may use a visitor's credentials. */
const allowOtherOrigins = cors({
  origin: "*",
  methods: ["GET", "HEAD", "POST", "PATCH", "OPTIONS"],
  allowedHeaders: ["Authorization", "Content-Type", "If-None-Match"],
  exposedHeaders: ["ETag", "Location", "Retry-After"],
  maxAge: 86_400,
});

const refuseLongUrls: RequestHandler = (request, response, next) => {
  if (request.originalUrl.length <= longestUrl) next();
  else
    sendProblem(response, {
      status: 414,
      code: "too-large",
      detail: `The URL is longer than ${longestUrl} characters.`,
    });
};

const dropTrailingSlash: RequestHandler = (request, response, next) => {
  const { path } = request;
  if (path.length < 2 || !path.endsWith("/")) return next();
  // One slash at the front: `//host/` would send the browser to another host, and so would `/\host/`.
  const target = `/${path.replace(/^[/\\]+/, "").replace(/\/+$/, "")}`;
  const query = request.originalUrl.indexOf("?");
  response.set({
    Location: target + (query === -1 ? "" : request.originalUrl.slice(query)),
    "Cache-Control": "no-store",
  });
  response.status(308).end();
};
