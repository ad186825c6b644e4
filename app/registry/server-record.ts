import { encodePieces } from "./encode-pieces.ts";
import type { ServerStatus } from "./server-status.ts";
import type { RowOf } from "./statement.ts";

/**
 * One version of a server. Times are as the API writes them: in UTC, with as many fractional digits as they have;
 * `value` is the document, byte for byte as it was published and never parsed on the way out.
 */
export interface ServerRecord {
  readonly name: string;
  readonly version: string;
  readonly value: string;
  readonly isLatest: boolean;
  readonly status: ServerStatus;
  readonly statusMessage: string | null;
  readonly statusChangedAt: string;
  readonly publishedAt: string;
  readonly updatedAt: string;
}

/** The record of a row, whose times are JSON texts without a zone, or null where they repeat `publishedAt`. */
export function recordOf(row: RowOf<"registry-version">): ServerRecord {
  const publishedAt = readTime(row.publishedAt);
  return {
    name: row.name,
    version: row.version,
    value: row.value,
    isLatest: row.isLatest,
    status: row.status,
    statusMessage: row.statusMessage,
    statusChangedAt: row.statusChangedAt === null ? publishedAt : readTime(row.statusChangedAt),
    publishedAt,
    updatedAt: row.updatedAt === null ? publishedAt : readTime(row.updatedAt),
  };
}

/** Without its quotes, and in the zone that the query asked for. */
function readTime(json: string): string {
  return `${json.slice(1, -1)}Z`;
}

/** The member of `_meta` that holds what the registry itself says about a version. */
export const officialMeta = "io.modelcontextprotocol.registry/official";

/** The member of a server.json's `_meta` that belongs to its publisher. */
export const publisherMeta = "io.modelcontextprotocol.registry/publisher-provided";

/** The form of server.json that publishing checks. */
export const officialSchema = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/** JSON text, as a string or in UTF-8, and a shorter one that changes whenever it does. */
export interface RenderedServers {
  readonly text: string | Buffer;
  /** Names, versions and what the registry says of them: the document of a version never changes. */
  readonly stamp: string;
}

/** JSON text of a ServerResponse. */
export function renderServer(record: ServerRecord): string {
  return `${beforeDocument}${record.value}${afterDocument(record)}`;
}

/** A ServerResponse. */
export function renderOneServer(record: ServerRecord): RenderedServers {
  return { text: renderServer(record), stamp: stampOf(record) };
}

/** A ServerList. */
export function renderServerList(records: readonly ServerRecord[], nextCursor?: string): RenderedServers {
  const next = nextCursor === undefined ? "" : `,"nextCursor":${JSON.stringify(nextCursor)}`;
  const metadata = `{"count":${records.length}${next}}`;
  const pieces: string[] = [];
  let before = opening;
  let stamp = metadata;
  for (const record of records) {
    pieces.push(`${before}${beforeDocument}`, record.value);
    before = `${afterDocument(record)},`;
    stamp += stampOf(record);
  }
  pieces.push(`${before === opening ? before : before.slice(0, -1)}],"metadata":${metadata}}`);
  return { text: encodePieces(pieces), stamp };
}

const opening = '{"servers":[';
const beforeDocument = '{"server":';

/** Put together by hand: only people's words can hold what JSON must escape. */
function afterDocument(record: ServerRecord): string {
  const { status, statusChangedAt, statusMessage, publishedAt, updatedAt, isLatest } = record;
  const message = statusMessage === null ? "" : `"statusMessage":${JSON.stringify(statusMessage)},`;
  return `,"_meta":{"${officialMeta}":{"status":"${status}","statusChangedAt":"${statusChangedAt}",${message}"publishedAt":"${publishedAt}","updatedAt":"${updatedAt}","isLatest":${isLatest}}}}`;
}

/** Everything that a ServerResponse is made of but the document; NUL stands in none of it. */
function stampOf(record: ServerRecord): string {
  const { name, version, status, statusChangedAt, statusMessage, publishedAt, updatedAt, isLatest } = record;
  // A date that repeats the first one is told by its absence: there is less to hash.
  const statusDate = statusChangedAt === publishedAt ? "" : statusChangedAt;
  const updateDate = updatedAt === publishedAt ? "" : updatedAt;
  const message = statusMessage === null ? "" : `m${statusMessage}`;
  return `\0${name}\0${version}\0${status}\0${publishedAt}\0${statusDate}\0${updateDate}\0${isLatest}\0${message}`;
}
