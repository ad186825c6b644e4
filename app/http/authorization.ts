import type { Request, Response } from "express";
import { AppError } from "../errors.ts";
import type { Publisher, PublishTokens } from "../registry/publish-tokens.ts";

/**
 * Who sends the request.
 *
 * @throws AppError `not-implemented` when nobody can publish here, `unauthorized` without a token that is known
 */
export function authenticate(
  request: Request,
  response: Response,
  tokens: PublishTokens | undefined,
): Publisher {
  if (tokens === undefined) {
    throw new AppError(
      "not-implemented",
      "This registry is read-only: REGISTRY_PUBLISH_TOKENS_FILE is not set.",
    );
  }
  const token = /^Bearer +([\w.~+/-]+=*) *$/i.exec(request.headers.authorization ?? "")?.[1];
  const publisher = token === undefined ? undefined : tokens.find(token);
  if (publisher !== undefined) return publisher;
  response.set(
    "WWW-Authenticate",
    `Bearer realm="registry"${token === undefined ? "" : ', error="invalid_token"'}`,
  );
  throw new AppError(
    "unauthorized",
    token === undefined
      ? "This needs a token: Authorization: Bearer <token>."
      : "The token is not one of this registry.",
  );
}

/** @throws AppError `forbidden` when the publisher's token does not cover the name */
export function authorize(publisher: Publisher, name: string): void {
  if (publisher.mayPublish(name)) return;
  throw new AppError("forbidden", `The token does not cover the server ${JSON.stringify(name)}.`);
}
