import { isVersionFilter } from "./server-name.ts";
import { parseTimestamp } from "./timestamp.ts";

/** Which versions a list shows. A field that is undefined filters nothing. */
export interface ListFilters {
  /** Looked for in name, title and description, whatever the case; trimmed. */
  readonly search: string | undefined;
  /** Only what changed after this moment; as `parseTimestamp` writes it. */
  readonly updatedSince: string | undefined;
  /** `latest` or one exact version. */
  readonly version: string | undefined;
  /** Always true together with `updatedSince`: a mirror must hear of deletions. */
  readonly includeDeleted: boolean;
}

/** In characters (code points). */
export const longestSearch = 200;

/** Whether the text can be searched for: 1 to 200 characters, trimmed, without NUL. */
export function isSearch(text: string): boolean {
  return text !== "" && text === text.trim() && !isTooLongToSearch(text) && !text.includes("\0");
}

const searchable = new RegExp(`^.{0,${longestSearch}}$`, "su");

export function isTooLongToSearch(text: string): boolean {
  return !searchable.test(text);
}

/** Whether every field could have come out of a valid request. */
export function areValidFilters({ search, updatedSince, version, includeDeleted }: ListFilters): boolean {
  return (
    (search === undefined || isSearch(search)) &&
    (updatedSince === undefined || (includeDeleted && parseTimestamp(updatedSince) === updatedSince)) &&
    (version === undefined || isVersionFilter(version))
  );
}
