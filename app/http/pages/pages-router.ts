import { Router, type RequestHandler, type Response } from "express";
import { AppError } from "../../errors.ts";
import type { SchemaOverview } from "../../migrate/schema-overview.ts";
import { readServerPage } from "../../registry/list-servers.ts";
import { readVersions } from "../../registry/list-versions.ts";
import { latestWord } from "../../registry/server-name.ts";
import { asDatabaseTrouble, type Database } from "../../registry/statement.ts";
import { limitInFlight } from "../in-flight.ts";
import { byMethod } from "../methods.ts";
import { answerErrors } from "../problem.ts";
import { parseListQuery, parseVersionChoice } from "../query-parameters.ts";
import { atRoute } from "../route.ts";
import { renderCatalogue } from "./catalogue-page.ts";
import { renderSchemaPage } from "./schema-page.ts";
import { forBrowsers, sendErrorPage, sendFreshPage, sendPage, sendStylesheet } from "./send-page.ts";
import { renderServerPage } from "./server-page.ts";

export interface PagesParts {
  readonly database: Database;
  readonly readSchema: () => Promise<SchemaOverview>;
  /** How many pages may be under way at once. */
  readonly mostInFlight?: number;
}

/** People ask less often than programs, and are not to take every connection from them. */
const mostInFlight = 100;

/**
 * Pages for people: the catalogue at `/`, a server at `/servers/{name}`, the schema at `/schema`. Who does not prefer
 * HTML to JSON passes by as if they were not there.
 */
export function createPagesRouter(parts: PagesParts): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const limit = limitInFlight(parts.mostInFlight ?? mostInFlight);
  const add = (path: string, template: string, handler: RequestHandler): unknown =>
    router.all(path, forBrowsers, limit, atRoute(`page ${template}`, byMethod({ GET: handler })));
  add("/", "/", showCatalogue(parts));
  add("/servers", "/servers", (_request, response) => goHome(response));
  add("/servers/*segments", "/servers/{name}", showServer(parts));
  add("/schema", "/schema", showSchema(parts));
  router.all("/pages.css", atRoute("/pages.css", byMethod({ GET: sendStylesheet })));
  router.use(answerErrors(sendErrorPage));
  return router;
}

function showCatalogue({ database }: PagesParts): RequestHandler {
  return async ({ query }, response) => {
    const { search, cursor, includeDeleted, limit } = parseListQuery(query);
    // One line a server; its page has the other versions.
    const page = await readServerPage(database, {
      search,
      cursor,
      includeDeleted,
      limit,
      version: latestWord,
    });
    const request = {
      search,
      includeDeleted: includeDeleted ?? false,
      limit: query["limit"] === undefined ? undefined : String(limit),
      isFirst: cursor === undefined,
    };
    sendPage(response, renderCatalogue(request, page));
  };
}

function showServer({ database }: PagesParts): RequestHandler {
  return async ({ params: { segments }, query }, response) => {
    // The slash of a name may have been escaped or not.
    const name = Array.isArray(segments) ? segments.join("/") : "";
    const { version, includeDeleted } = parseVersionChoice(query);
    const versions = await readVersions(database, name, includeDeleted);
    const shown =
      version === undefined || version === latestWord
        ? // A latest version that was deleted meanwhile is not among them.
          (versions.find(({ isLatest }) => isLatest) ?? versions[0])
        : versions.find((one) => one.version === version);
    if (shown === undefined) {
      throw new AppError(
        "not-found",
        `There is no version ${JSON.stringify(version)} of the server ${name}.`,
      );
    }
    sendPage(response, renderServerPage({ versions, shown, includeDeleted }));
  };
}

function showSchema({ readSchema }: PagesParts): RequestHandler {
  return async (_request, response) => {
    const schema = await readSchema().catch((error: unknown) => {
      throw asDatabaseTrouble(error) ?? error;
    });
    sendFreshPage(response, renderSchemaPage(schema));
  };
}

function goHome(response: Response): void {
  response.set({ Location: "/", "Cache-Control": "no-store" }).status(308).end();
}
