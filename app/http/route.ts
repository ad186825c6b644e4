import type { RequestHandler, Response } from "express";

/**
 * Notes which route of the API answers, for metrics: a template such as `/servers/{name}/versions`, never the path
 * that was asked for, of which there is no end.
 */
export function markRoute(response: Response, template: string): void {
  response.locals["route"] = template;
}

/** The handler, marked with the template. */
export function atRoute(template: string, handler: RequestHandler): RequestHandler {
  return (request, response, next) => {
    markRoute(response, template);
    return handler(request, response, next);
  };
}

/** The template that was noted; undefined: no route answered. */
export function routeOf(response: Response): string | undefined {
  const template: unknown = response.locals["route"];
  return typeof template === "string" ? template : undefined;
}
