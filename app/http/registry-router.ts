import { createHash } from "node:crypto";
import { Router, type RequestHandler, type Response } from "express";
import { getVersion } from "../registry/get-version.ts";
import { listServers } from "../registry/list-servers.ts";
import { listVersions } from "../registry/list-versions.ts";
import type { Database } from "../registry/statement.ts";
import { imageRevision, version as ownVersion } from "../version.ts";
import { byMethod, notImplemented, type Methods } from "./methods.ts";
import { parseIncludeDeleted, parseListQuery } from "./query-parameters.ts";
import { parseServerPath, type ServerPath } from "./server-path.ts";

const readOnly = "This registry is read-only: publishing is not built into this version.";
const immutable = "Versions are immutable: publish a new one instead.";

/** The MCP Registry API, to be mounted at each of its base paths. */
export function createRegistryRouter(database: Database): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.all(
    "/servers",
    byMethod({
      GET: async (request, response) =>
        sendDocument(response, await listServers(database, parseListQuery(request.query))),
    }),
  );
  router.all("/servers/*segments", serverHandler(database));
  router.all("/publish", byMethod({ POST: notImplemented(readOnly) }));
  router.all("/validate", byMethod({ POST: notImplemented("Validation is not built into this version.") }));
  router.all("/health", byMethod({ GET: constant({ status: "ok" }) }));
  router.all("/ping", byMethod({ GET: constant({ pong: true }) }));
  router.all("/version", byMethod({ GET: constant({ version: ownVersion, git_commit: imageRevision() }) }));
  return router;
}

/** Everything below `/servers/`: one handler, since the slash of a name may come as one segment or as two. */
function serverHandler(database: Database): RequestHandler {
  return (request, response, next) => {
    const { segments } = request.params;
    const path = Array.isArray(segments) ? parseServerPath(segments) : undefined;
    if (path === undefined) return next();
    return byMethod(serverMethods(database, path))(request, response, next);
  };
}

function serverMethods(database: Database, path: ServerPath): Methods {
  if (path.kind === "versions") {
    return {
      GET: async (request, response) => {
        const includeDeleted = parseIncludeDeleted(request.query);
        sendDocument(response, await listVersions(database, path.name, includeDeleted));
      },
    };
  }
  if (path.kind === "version") {
    return {
      GET: async (request, response) => {
        const includeDeleted = parseIncludeDeleted(request.query);
        sendDocument(response, await getVersion(database, path.name, path.version, includeDeleted));
      },
      PUT: notImplemented(immutable),
      DELETE: notImplemented(immutable),
    };
  }
  path.kind satisfies "version-status" | "server-status";
  return { PATCH: notImplemented(readOnly) };
}

/** Sends JSON text that caches may keep as long as they ask each time whether it still holds. */
function sendDocument(response: Response, json: string): void {
  response.set("Cache-Control", "public, max-age=0, must-revalidate");
  response.set("ETag", `"${createHash("sha256").update(json).digest("base64url").slice(0, 27)}"`);
  response.type("json").send(json); // Express answers 304 where If-None-Match holds the ETag.
}

function constant(body: object): RequestHandler {
  return (_request, response) => {
    response.set("Cache-Control", "no-store").json(body);
  };
}
