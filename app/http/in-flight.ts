import type { RequestHandler } from "express";
import { AppError } from "../errors.ts";

/** Lets so many requests be under way at once; one more gets 503 and comes back later, instead of waiting with the others. */
export function limitInFlight(most: number): RequestHandler {
  let underWay = 0;
  return (_request, response, next) => {
    if (underWay >= most) throw new AppError("unavailable", "Too many requests are under way.");
    underWay++;
    response.on("close", () => underWay--);
    next();
  };
}
