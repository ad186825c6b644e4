import { describe, expect, it } from "@jest/globals";
import express from "express";
import { addRegistryRoutes } from "./registry-routes.ts";

describe("the registry's routes", () => {
  it("have their two handlers once, and not once for each method there is", () => {
    const app = express();
    addRegistryRoutes(app, { database: { query: () => Promise.reject(new Error("not asked")) } } as never);
    const routes = (
      app as unknown as { router: { stack: { route?: { stack: { method?: string }[] } }[] } }
    ).router.stack.flatMap(({ route }) => route ?? []);
    expect(routes.length).toBeGreaterThan(5);
    for (const { stack } of routes) expect(stack.map(({ method }) => method)).toEqual([undefined, undefined]);
  });
});
