import { areValidFilters, type ListFilters } from "./list-filters.ts";
import { isServerName, isVersion, latestWord } from "./server-name.ts";

/** Where a page ended: the next one begins after this name and version. */
export interface Position {
  readonly name: string;
  readonly version: string;
}

/** What a cursor carries: a place, and the filters of the list it belongs to. */
export interface Cursor {
  readonly after: Position;
  readonly filters: ListFilters;
}

export const longestCursor = 2048;

/**
 * An opaque text of `A-Za-z0-9_-`: clients paste it into URLs unescaped, and some repeat no filter on later pages, so the
 * cursor brings its own. The fields are joined with NUL, which none of them can hold.
 */
export function encodeCursor({ after, filters }: Cursor): string {
  const fields = [
    "1", // the format
    after.name,
    // Not twice, so that the longest of everything still fits.
    isExact(filters.version) ? "" : after.version,
    filters.search ?? "",
    filters.updatedSince ?? "",
    filters.version ?? "",
    filters.includeDeleted ? "deleted" : "",
  ];
  return Buffer.from(fields.join("\0"), "utf8").toString("base64url");
}

/** The cursor in `text`; undefined when it was not made by `encodeCursor`: nothing in it is taken on trust. */
export function decodeCursor(text: string): Cursor | undefined {
  if (text.length > longestCursor || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  const fields = Buffer.from(text, "base64url").toString("utf8").split("\0");
  if (fields.length !== 7) return undefined;
  const [format = "", name = "", ownVersion = "", search, updatedSince, versionFilter, deleted] = fields;
  const filters: ListFilters = {
    search: search || undefined,
    updatedSince: updatedSince || undefined,
    version: versionFilter || undefined,
    includeDeleted: deleted === "deleted",
  };
  const version = isExact(filters.version) ? filters.version : ownVersion;
  const cursor: Cursor = { after: { name, version }, filters };
  const valid = format === "1" && isServerName(name) && isVersion(version) && areValidFilters(filters);
  // One text per cursor: what does not come out the same (invalid UTF-8, stray bits) was not ours.
  return valid && encodeCursor(cursor) === text ? cursor : undefined;
}

function isExact(version: string | undefined): version is string {
  return version !== undefined && version !== latestWord;
}
