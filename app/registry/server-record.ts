import type { RowOf } from "./statement.ts";
import { formatTimestamp } from "./timestamp.ts";

/**
 * One version of a server as the repository reads it. Times are UTC texts with six fractional digits; `value` is the
 * document, byte for byte as it was published and never parsed on the way out.
 */
export type ServerRecord = RowOf<"registry-version">;

/** The member of `_meta` that holds what the registry itself says about a version. */
export const officialMeta = "io.modelcontextprotocol.registry/official";

/** The member of a server.json's `_meta` that belongs to its publisher. */
export const publisherMeta = "io.modelcontextprotocol.registry/publisher-provided";

/** The form of server.json that publishing checks. */
export const officialSchema = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

/** JSON text of a ServerResponse. */
export function renderServer(record: ServerRecord): string {
  return `{"server":${record.value},"_meta":{"${officialMeta}":${JSON.stringify(statement(record))}}}`;
}

/** JSON text of a ServerList. */
export function renderServerList(records: readonly ServerRecord[], nextCursor?: string): string {
  const metadata = { count: records.length, ...(nextCursor === undefined ? {} : { nextCursor }) };
  return `{"servers":[${records.map(renderServer).join(",")}],"metadata":${JSON.stringify(metadata)}}`;
}

function statement(record: ServerRecord): Record<string, unknown> {
  return {
    status: record.status,
    statusChangedAt: formatTimestamp(record.statusChangedAt),
    ...(record.statusMessage === null ? {} : { statusMessage: record.statusMessage }),
    publishedAt: formatTimestamp(record.publishedAt),
    updatedAt: formatTimestamp(record.updatedAt),
    isLatest: record.isLatest,
  };
}
