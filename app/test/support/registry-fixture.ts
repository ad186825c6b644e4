import { createPool } from "../../database/pool.ts";
import { importServers, type ImportProblem, type ImportSummary } from "../../registry/import-servers.ts";
import { readLines } from "../../registry/read-lines.ts";
import type { TestDatabase } from "./test-database.ts";

export interface ImportResult extends ImportSummary {
  readonly problems: readonly ImportProblem[];
}

/** Imports the lines as `registry import` does. */
export async function importInto(
  database: TestDatabase,
  lines: readonly (object | string)[],
): Promise<ImportResult> {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const problems: ImportProblem[] = [];
  const pool = createPool(database.config, () => undefined);
  const client = await pool.connect();
  try {
    const summary = await importServers({
      database: client,
      lines: readLines(inOnePiece(text)),
      onProblem: (problem) => problems.push(problem),
    });
    return { ...summary, problems };
  } finally {
    client.release();
    await pool.end();
  }
}

async function* inOnePiece(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** A line of an import; published at noon of that day of January 2025, and of that status since then. */
export function entryOf(
  name: string,
  version: string,
  {
    day = 1,
    status = "active",
    statusMessage,
    ...document
  }: { day?: number; status?: string; statusMessage?: string; [member: string]: unknown } = {},
): object {
  const date = `2025-01-${String(day).padStart(2, "0")}T12:00:00Z`;
  const official = { status, statusMessage, publishedAt: date, updatedAt: date, isLatest: false };
  return {
    server: { name, version, ...document },
    _meta: { "io.modelcontextprotocol.registry/official": official },
  };
}

export interface StoredRow {
  readonly key: string;
  readonly latest: boolean;
  readonly status: string;
  readonly published: string;
  readonly updated: string;
}

/** Everything that is stored, in the order of lists. */
export async function storedRows(database: TestDatabase): Promise<StoredRow[]> {
  const rows: unknown = await database.query(
    `SELECT server_name || '@' || version AS key, is_latest AS latest, status,
            published_at::text AS published, updated_at::text AS updated
       FROM server_version ORDER BY server_name, version`,
  );
  return rows as StoredRow[];
}
