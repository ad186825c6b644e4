import type { IRouter, Request, RequestHandler } from "express";
import { getVersion } from "../registry/get-version.ts";
import { listServers } from "../registry/list-servers.ts";
import { listVersions } from "../registry/list-versions.ts";
import { imageRevision, version as ownVersion } from "../version.ts";
import { limitInFlight } from "./in-flight.ts";
import { byMethod, notImplemented, type Methods } from "./methods.ts";
import { changeStatus, publish, validate, type RegistryParts } from "./publish-routes.ts";
import { parseIncludeDeleted, parseListQuery } from "./query-parameters.ts";
import { atRoute, markRoute } from "./route.ts";
import { sendDocument, type SentDocument } from "./send-document.ts";
import { parseServerPath, type ServerPath } from "./server-path.ts";

/** With ten connections each would wait for a hundred others: what comes on top is told to come back. */
const mostInFlight = 1_000;

const immutable = "Versions are immutable: publish a new one instead.";

/** Clients of different ages know the API at different places. */
const basePaths = ["/v0.1", "/v0", "/api/v0", "/api/v0.1"];

/** The MCP Registry API, at each of its base paths. */
export function addRegistryRoutes(router: IRouter, parts: RegistryParts): void {
  const limit = limitInFlight(parts.mostInFlight ?? mostInFlight);
  // Not `all` of an application, which adds the handlers once for each of 35 methods.
  const add = (path: string, methods: Methods): unknown =>
    router.route(below(path)).all(limit, atRoute(path, byMethod(methods)));
  add("/servers", {
    GET: reading(parts, ({ query }) => listServers(parts.database, parseListQuery(query))),
  });
  router.route(below("/servers/.+")).all(limit, serverHandler(parts));
  add("/publish", { POST: publish(parts) });
  add("/validate", { POST: validate });
  add("/health", { GET: constant({ status: "ok" }) });
  add("/ping", { GET: constant({ pong: true }) });
  add("/version", { GET: constant({ version: ownVersion, git_commit: imageRevision() }) });
}

/** A path below any base path: one expression for all four, since Express tries paths one by one. */
function below(path: string): RegExp {
  return new RegExp(`^(?:${basePaths.map((base) => base.replace(".", "\\.")).join("|")})${path}$`, "s");
}

/** What stands below `/servers/`, as templates. */
const templates = {
  versions: "/servers/{name}/versions",
  version: "/servers/{name}/versions/{version}",
  "version-status": "/servers/{name}/versions/{version}/status",
  "server-status": "/servers/{name}/status",
} as const satisfies Record<ServerPath["kind"], string>;

const prefix = "/servers/";

/** Everything below `/servers/`: one handler, since the slash of a name may come as one segment or as two. */
function serverHandler(parts: RegistryParts): RequestHandler {
  return (request, response, next) => {
    // Not a parameter of Express, which would decode it before it can be told where the slash of a name is.
    const path = parseServerPath(request.path.slice(request.path.indexOf(prefix) + prefix.length));
    if (path === undefined) return next();
    markRoute(response, templates[path.kind]);
    return byMethod(serverMethods(parts, path))(request, response, next);
  };
}

function serverMethods(parts: RegistryParts, path: ServerPath): Methods {
  const { database } = parts;
  if (path.kind === "versions") {
    return {
      GET: reading(parts, ({ query }) => listVersions(database, path.name, parseIncludeDeleted(query))),
    };
  }
  if (path.kind === "version") {
    return {
      GET: reading(parts, ({ query }) =>
        getVersion(database, path.name, path.version, parseIncludeDeleted(query)),
      ),
      PUT: notImplemented(immutable),
      DELETE: notImplemented(immutable),
    };
  }
  return { PATCH: changeStatus(parts, path) };
}

/** Answers with what is read for a request, of which only the URL counts; from memory as long as it holds. */
function reading(
  { cache }: RegistryParts,
  read: (request: Request) => Promise<SentDocument>,
): RequestHandler {
  return async (request, response) => {
    const readNow = async (): Promise<SentDocument> => await read(request);
    const document = await (cache === undefined ? readNow() : cache.answer(request.originalUrl, readNow));
    sendDocument(response, document);
  };
}

function constant(body: object): RequestHandler {
  return (_request, response) => {
    response.set("Cache-Control", "no-store").json(body);
  };
}
