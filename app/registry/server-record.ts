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
  return join(record, JSON.stringify(statement(record)));
}

/** JSON text, and a shorter one that changes whenever it does. */
export interface RenderedServers {
  readonly text: string;
  /** Names, versions and what the registry says of them: the document of a version never changes. */
  readonly stamp: string;
}

/** A ServerResponse. */
export function renderOneServer(record: ServerRecord): RenderedServers {
  const meta = JSON.stringify(statement(record));
  return { text: join(record, meta), stamp: stampOf(record, meta) };
}

/** A ServerList. */
export function renderServerList(records: readonly ServerRecord[], nextCursor?: string): RenderedServers {
  const metadata = JSON.stringify({
    count: records.length,
    ...(nextCursor === undefined ? {} : { nextCursor }),
  });
  let [servers, stamp] = ["", metadata];
  for (const record of records) {
    const meta = JSON.stringify(statement(record));
    servers += `${servers === "" ? "" : ","}${join(record, meta)}`;
    stamp += stampOf(record, meta);
  }
  return { text: `{"servers":[${servers}],"metadata":${metadata}}`, stamp };
}

function join({ value }: ServerRecord, meta: string): string {
  return `{"server":${value},"_meta":{"${officialMeta}":${meta}}}`;
}

function stampOf({ name, version }: ServerRecord, meta: string): string {
  return `\n${name} ${version} ${meta}`;
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
