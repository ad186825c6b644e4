import type { Request, RequestHandler } from "express";
import { AppError } from "../errors.ts";
import type { Publisher, PublishTokens } from "../registry/publish-tokens.ts";
import type { DatabasePool } from "../registry/transaction.ts";
import type { Issue } from "../registry/validation/issue.ts";
import { authenticate, authorize } from "./authorization.ts";
import type { ResponseCache } from "./response-cache.ts";
import { readJsonText } from "./request-body.ts";
import { sendResult } from "./send-document.ts";
import type { ServerPath } from "./server-path.ts";

/** What the registry's routes need. */
export interface RegistryParts {
  readonly database: DatabasePool;
  /** undefined: the registry is read-only. */
  readonly tokens: PublishTokens | undefined;
  /** undefined: nothing is kept. */
  readonly cache?: ResponseCache | undefined;
  /** How many requests may be under way at once. */
  readonly mostInFlight?: number;
}

// What writes is loaded with the first request that needs it: no start should wait for the rules to be set up.
const loadPublishing = (): Promise<typeof import("../registry/publish-server.ts")> =>
  import("../registry/publish-server.ts");
const loadValidation = (): Promise<typeof import("../registry/validation/validate-server.ts")> =>
  import("../registry/validation/validate-server.ts");

/** Says what is wrong with a server.json; stores nothing and asks for no token. */
export const validate: RequestHandler = async (request, response) => {
  const { validateServer } = await loadValidation();
  const { valid, issues } = validateServer(await readJsonText(request));
  sendResult(response, JSON.stringify({ valid, issues }));
};

export function publish({ database, tokens }: RegistryParts): RequestHandler {
  return async (request, response) => {
    const publisher = authenticate(request, response, tokens);
    const text = await readJsonText(request);
    const { nameIn, validateServer } = await loadValidation();
    const { valid, document, issues } = validateServer(text);
    // Before anything else is said about the document: the token is the first question, where the name can be read.
    const name = nameIn(text);
    if (name !== undefined) authorize(publisher, name);
    if (!valid || document === undefined) throw refusal(issues);
    const { publishServer } = await loadPublishing();
    const json = await publishServer(database, { document, text });
    response.location(versionPath(request, document.name, document.version));
    sendResult(response, json);
  };
}

export function changeStatus(
  { database, tokens }: RegistryParts,
  path: Extract<ServerPath, { kind: "version-status" | "server-status" }>,
): RequestHandler {
  return async (request, response) => {
    const publisher: Publisher = authenticate(request, response, tokens);
    authorize(publisher, path.name);
    const { parseStatusBody } = await import("./status-body.ts");
    const change = parseStatusBody(await readJsonText(request));
    const { changeServerStatus, changeVersionStatus } = await import("../registry/change-status.ts");
    sendResult(
      response,
      path.kind === "server-status"
        ? await changeServerStatus(database, path.name, change)
        : await changeVersionStatus(database, path.name, path.version, change),
    );
  };
}

/** Where a version is read, below the base path that the request came to. */
function versionPath({ path }: Request, name: string, version: string): string {
  return `${path.slice(0, path.lastIndexOf("/"))}/servers/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`;
}

function refusal(issues: readonly Issue[]): AppError {
  const errors = issues
    .filter(({ severity }) => severity === "error")
    .map(({ path, message }) => ({
      message: `${path || "the body"} ${message}`,
      location: path === "" || path.startsWith("[") ? `body${path}` : `body.${path}`,
    }));
  const shown = errors.slice(0, 5).map(({ message }) => message);
  const more = errors.length > shown.length ? [`and ${errors.length - shown.length} more`] : [];
  return new AppError("unprocessable", `${[...shown, ...more].join("; ")}.`, { details: { errors } });
}
