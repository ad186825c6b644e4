import { AppError } from "../errors.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { ListFilters } from "./list-filters.ts";
import { renderServerList, type RenderedServers, type ServerRecord } from "./server-record.ts";
import { selectPage } from "./server-repository.ts";
import type { Database } from "./statement.ts";

/** A request for one page: validated parameters; what was not given is undefined. */
export interface ListRequest {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly search?: string | undefined;
  readonly updatedSince?: string | undefined;
  readonly version?: string | undefined;
  readonly includeDeleted?: boolean | undefined;
}

/** One page of a list. */
export interface ServerPage {
  readonly records: readonly ServerRecord[];
  /** There only when more rows exist. */
  readonly nextCursor: string | undefined;
}

/**
 * A ServerList.
 *
 * @throws AppError as `readServerPage`
 */
export async function listServers(database: Database, request: ListRequest): Promise<RenderedServers> {
  const { records, nextCursor } = await readServerPage(database, request);
  return renderServerList(records, nextCursor);
}

/**
 * The page that was asked for.
 *
 * @throws AppError `invalid-request` for a cursor that is not ours or that belongs to a list with other filters
 */
export async function readServerPage(database: Database, request: ListRequest): Promise<ServerPage> {
  const cursor = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  if (request.cursor !== undefined && cursor === undefined) {
    throw refusal("cursor", "The cursor is not one of this registry. Start again without it.");
  }
  const filters = cursor === undefined ? ownFilters(request) : continuedFilters(request, cursor.filters);
  // One more than asked for tells whether there is a next page.
  const records = await selectPage(database, filters, cursor?.after, request.limit + 1);
  const page = records.slice(0, request.limit);
  const last = page.at(-1);
  if (last === undefined || records.length === page.length) return { records: page, nextCursor: undefined };
  const after = { name: last.name, version: last.version };
  return { records: page, nextCursor: encodeCursor({ after, filters }) };
}

function ownFilters({ search, updatedSince, version, includeDeleted }: ListRequest): ListFilters {
  if (updatedSince !== undefined && includeDeleted === false) {
    throw refusal(
      "include_deleted",
      "include_deleted=false contradicts updated_since, which always includes deleted versions.",
    );
  }
  return { search, updatedSince, version, includeDeleted: includeDeleted ?? updatedSince !== undefined };
}

const parameters = [
  ["search", "search"],
  ["updatedSince", "updated_since"],
  ["version", "version"],
  ["includeDeleted", "include_deleted"],
] as const satisfies readonly (readonly [keyof ListFilters, string])[];

/** The filters of the cursor; a client may leave them out on later pages, but not change them. */
function continuedFilters(request: ListRequest, filters: ListFilters): ListFilters {
  for (const [field, parameter] of parameters) {
    if (request[field] !== undefined && request[field] !== filters[field]) {
      throw refusal(
        parameter,
        `The cursor belongs to a list with another ${parameter}. Leave ${parameter} out, or start again without the cursor.`,
      );
    }
  }
  return filters;
}

function refusal(parameter: string, message: string): AppError {
  return new AppError("invalid-request", message, {
    details: { errors: [{ message, location: `query.${parameter}` }] },
  });
}
