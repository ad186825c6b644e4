import type { RequestHandler, Response } from "express";
import { sendProblem, setProblemHeaders, type Problem } from "../problem.ts";
import { requestIdOf } from "../request-log.ts";
import { etagOf, sendDocument } from "../send-document.ts";
import { renderErrorPage } from "./error-page.ts";
import { stylesheet, stylesheetVersion } from "./stylesheet.ts";

/** A page loads our stylesheet and nothing else, runs nothing, and sends its form to us; whatever stands in a document. */
const contentSecurityPolicy =
  "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Lets those pass who prefer HTML to JSON, as browsers do; others leave the route. */
export const forBrowsers: RequestHandler = (_request, response, next) => {
  response.vary("Accept");
  next(prefersHtml(response) ? undefined : "route");
};

function prefersHtml({ req: request }: Response): boolean {
  return request.accepts(["json", "html"]) === "html";
}

/** Sends a page that may be kept as long as it is asked each time whether it still holds. */
export function sendPage(response: Response, page: string): void {
  response.set("Content-Security-Policy", contentSecurityPolicy);
  sendDocument(response, { text: page }, "text/html; charset=utf-8");
}

/** Sends a page that holds for now only. */
export function sendFreshPage(response: Response, page: string): void {
  response.set({ "Content-Security-Policy": contentSecurityPolicy, "Cache-Control": "no-store" });
  response.type("html").send(page);
}

/** Answers an error with a page, or as the API does. */
export function sendErrorPage(response: Response, problem: Problem): void {
  if (!prefersHtml(response)) return sendProblem(response, problem);
  setProblemHeaders(response, problem);
  sendFreshPage(response, renderErrorPage(problem, requestIdOf(response)));
}

const aYear = 31_536_000;

/**
 * To be kept for a year, at the address that names its content. At any other, as when a page of another release asks
 * this one during an upgrade, it has to be asked for again.
 */
export const sendStylesheet: RequestHandler = ({ query }, response) => {
  const isOurs = query["v"] === stylesheetVersion;
  response.set({
    "Cache-Control": isOurs ? `public, max-age=${aYear}, immutable` : "public, max-age=0, must-revalidate",
    ETag: etagOf(stylesheet),
  });
  response.type("css").send(stylesheet);
};
