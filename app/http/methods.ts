import type { RequestHandler, Response } from "express";
import { AppError } from "../errors.ts";
import { sendProblem } from "./problem.ts";

/** What answers which method of one path. HEAD goes to GET. */
export type Methods = Readonly<Partial<Record<"GET" | "POST" | "PUT" | "PATCH" | "DELETE", RequestHandler>>>;

/** Answers with the handler of the request's method, or 405 with the methods that there are. */
export function byMethod(methods: Methods): RequestHandler {
  return (request, response, next) => {
    const method = request.method === "HEAD" ? "GET" : request.method;
    const handler = Object.hasOwn(methods, method) ? methods[method as keyof Methods] : undefined;
    if (handler !== undefined) return handler(request, response, next);
    return refuseMethod(response, methods);
  };
}

function refuseMethod(response: Response, methods: Methods): void {
  const allowed = Object.keys(methods).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  response.set("Allow", [...allowed, "OPTIONS"].join(", "));
  const detail = `${response.req.method} is not possible here; ${allowed.join(", ")} ${allowed.length === 1 ? "is" : "are"}.`;
  sendProblem(response, { status: 405, code: "method-not-allowed", detail });
}

/** A handler for what the API names and this registry does not do. */
export function notImplemented(message: string): RequestHandler {
  return () => {
    throw new AppError("not-implemented", message);
  };
}
