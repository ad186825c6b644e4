import { AppError } from "../errors.ts";
import { longestCursor } from "../registry/cursor.ts";
import { isTooLongToSearch, longestSearch } from "../registry/list-filters.ts";
import type { ListRequest } from "../registry/list-servers.ts";
import { isVersionFilter } from "../registry/server-name.ts";
import { parseTimestamp } from "../registry/timestamp.ts";
import type { Complaint } from "./problem.ts";

/** What Express made of the query string: a repeated parameter is an array. */
export type Query = Readonly<Record<string, unknown>>;

const defaultLimit = 30;
const highestLimit = 100;

/**
 * The parameters of `GET /servers`. An empty parameter counts as absent; unknown ones are ignored.
 *
 * @throws AppError `unprocessable` (422) with every complaint, or `invalid-request` (400)
 */
export function parseListQuery(query: Query): ListRequest {
  const reader = new ParameterReader(query);
  const request = {
    cursor: reader.text("cursor"),
    limit: reader.limit("limit"),
    search: reader.text("search")?.trim() || undefined,
    version: reader.text("version"),
    includeDeleted: reader.boolean("include_deleted"),
    updatedSince: reader.text("updated_since"),
  };
  if (request.search !== undefined && isTooLongToSearch(request.search)) {
    reader.complain("search", `must be at most ${longestSearch} characters long`, request.search);
  }
  if (request.version !== undefined && !isVersionFilter(request.version)) {
    reader.complain("version", "must be `latest` or a version of at most 255 bytes", request.version);
  }
  reader.finish();
  if (request.cursor !== undefined && request.cursor.length > longestCursor) {
    throw malformed({
      message: `cursor must be at most ${longestCursor} characters long`,
      location: "query.cursor",
    });
  }
  return { ...request, updatedSince: parseUpdatedSince(request.updatedSince) };
}

/**
 * The one parameter of a server's endpoints: whether deleted versions are asked for, too.
 *
 * @throws AppError as `parseListQuery`
 */
export function parseIncludeDeleted(query: Query): boolean {
  const reader = new ParameterReader(query);
  const includeDeleted = reader.boolean("include_deleted") ?? false;
  reader.finish();
  return includeDeleted;
}

/** Which version of a server a page is to show; undefined: the latest. */
export interface VersionChoice {
  readonly version: string | undefined;
  readonly includeDeleted: boolean;
}

/**
 * The parameters of a server's page.
 *
 * @throws AppError as `parseListQuery`
 */
export function parseVersionChoice(query: Query): VersionChoice {
  const reader = new ParameterReader(query);
  const version = reader.text("version");
  const includeDeleted = reader.boolean("include_deleted") ?? false;
  reader.finish();
  return { version, includeDeleted };
}

function parseUpdatedSince(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // An unescaped `+` of an offset arrives as a space; a space can mean nothing else there.
  const moment = parseTimestamp(text.replace(/ (?=\d\d:\d\d$)/, "+"));
  if (moment !== undefined) return moment;
  const message = "updated_since must be an RFC 3339 date and time, for example 2025-08-07T13:15:04Z";
  throw malformed({ message, location: "query.updated_since", value: shown(text) });
}

class ParameterReader {
  readonly #query: Query;
  readonly #complaints: Complaint[] = [];
  #nul: string | undefined;

  constructor(query: Query) {
    this.#query = query;
  }

  text(name: string): string | undefined {
    const value = this.#query[name];
    if (Array.isArray(value)) {
      this.complain(name, "must be given once");
      return undefined;
    }
    if (typeof value !== "string" || value === "") return undefined;
    if (value.includes("\0")) this.#nul ??= name;
    return value;
  }

  boolean(name: string): boolean | undefined {
    const value = this.text(name);
    if (value === undefined || value === "true" || value === "false")
      return value === undefined ? undefined : value === "true";
    this.complain(name, "must be true or false", value);
    return undefined;
  }

  limit(name: string): number {
    const value = this.text(name);
    if (value === undefined) return defaultLimit;
    const limit = /^\d{1,9}$/.test(value) ? Number(value) : 0;
    if (limit < 1 || limit > highestLimit)
      this.complain(name, `must be a whole number from 1 to ${highestLimit}`, value);
    return limit;
  }

  complain(name: string, what: string, value?: string): void {
    const complaint = { message: `${name} ${what}`, location: `query.${name}` };
    this.#complaints.push(value === undefined ? complaint : { ...complaint, value: shown(value) });
  }

  finish(): void {
    if (this.#nul !== undefined) {
      throw malformed({
        message: `${this.#nul} must not hold a NUL character`,
        location: `query.${this.#nul}`,
      });
    }
    if (this.#complaints.length === 0) return;
    const detail = `${this.#complaints.map(({ message }) => message).join("; ")}.`;
    throw new AppError("unprocessable", detail, { details: { errors: this.#complaints } });
  }
}

function malformed(complaint: Complaint): AppError {
  return new AppError("invalid-request", `${complaint.message}.`, { details: { errors: [complaint] } });
}

/** A value for the answer: not longer than it helps. */
function shown(value: string): string {
  return value.length > 100 ? `${value.slice(0, 99)}…` : value;
}
