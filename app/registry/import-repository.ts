import type { Entry } from "./read-entry.ts";
import { timestampText } from "./server-repository.ts";
import type { ServerStatus } from "./server-status.ts";
import { runStatement, type Database } from "./statement.ts";

/** What is stored about one entry that is imported again. */
export interface Stored {
  readonly name: string;
  readonly version: string;
  readonly status: ServerStatus;
  readonly statusMessage: string | null;
  readonly statusChangedAt: string;
  readonly publishedAt: string;
  /** The stored document where its bytes differ from the entry's; null: they are the same. */
  readonly otherValue: string | null;
}

/** Adds the servers that are missing and locks all of them until the transaction ends, always in the same order. */
export async function lockServers(database: Database, names: readonly string[]): Promise<void> {
  await runStatement(database, {
    name: "import-add-servers",
    text: `INSERT INTO server (name) SELECT DISTINCT name COLLATE "C" FROM unnest($1::text[]) AS i (name) ORDER BY 1
           ON CONFLICT DO NOTHING`,
    values: [names],
  });
  await runStatement(database, {
    name: "import-lock-servers",
    text: `SELECT FROM server WHERE name = ANY ($1::text[]) ORDER BY name FOR NO KEY UPDATE`,
    values: [names],
  });
}

/** Those of the entries that are stored already. Documents are compared by digest, so they are not sent for it. */
export function selectStored(
  database: Database,
  entries: readonly { readonly name: string; readonly version: string; readonly sha256: string }[],
): Promise<Stored[]> {
  return runStatement(database, {
    name: "import-stored",
    text: `SELECT v.server_name AS "name", v.version, v.status, v.status_message AS "statusMessage",
                  ${timestampText("v.status_changed_at")} AS "statusChangedAt",
                  ${timestampText("v.published_at")} AS "publishedAt",
                  CASE WHEN encode(sha256(convert_to(v.value::text, 'UTF8')), 'hex') <> i.sha256 THEN v.value::text END
                    AS "otherValue"
             FROM unnest($1::text[], $2::text[], $3::text[]) AS i (name, version, sha256)
             JOIN server_version AS v ON v.server_name = i.name AND v.version = i.version`,
    values: [
      entries.map(({ name }) => name),
      entries.map(({ version }) => version),
      entries.map(({ sha256 }) => sha256),
    ],
  });
}

/** An entry without dates was published now; one without a status is active. */
export async function insertVersions(database: Database, entries: readonly Entry[]): Promise<void> {
  await runStatement(database, {
    name: "import-insert",
    text: `INSERT INTO server_version (server_name, version, value, title, description, status, status_message,
                                       status_changed_at, published_at, updated_at)
           SELECT name, version, value::json, title, description, coalesce(status, 'active'), status_message,
                  coalesce(status_changed_at, CASE WHEN status <> 'active' THEN updated_at END, published_at, now()),
                  coalesce(published_at, now()), coalesce(updated_at, published_at, now())
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::server_status[], $7::text[],
                         $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])
               AS i (name, version, value, title, description, status, status_message, status_changed_at, published_at,
                     updated_at)`,
    values: [
      entries.map(({ name }) => name),
      entries.map(({ version }) => version),
      entries.map(({ value }) => value),
      entries.map(({ title }) => title),
      entries.map(({ description }) => description),
      entries.map(({ status }) => status),
      entries.map(({ statusMessage }) => statusMessage),
      entries.map(({ statusChangedAt }) => statusChangedAt),
      entries.map(({ publishedAt }) => publishedAt),
      entries.map(({ updatedAt }) => updatedAt),
    ],
  });
}

/** Writes the status and the dates where the entry says them; the document never changes. */
export async function updateVersions(database: Database, entries: readonly Entry[]): Promise<void> {
  await runStatement(database, {
    name: "import-update",
    text: `UPDATE server_version AS v
              SET status = coalesce(i.status, v.status),
                  status_message = CASE WHEN i.status IS NULL THEN v.status_message ELSE i.status_message END,
                  status_changed_at = coalesce(i.status_changed_at,
                    CASE WHEN i.status <> v.status THEN clock_timestamp() END, v.status_changed_at),
                  published_at = coalesce(i.published_at, v.published_at), updated_at = clock_timestamp()
             FROM unnest($1::text[], $2::text[], $3::server_status[], $4::text[], $5::timestamptz[], $6::timestamptz[])
               AS i (name, version, status, status_message, status_changed_at, published_at)
            WHERE v.server_name = i.name AND v.version = i.version`,
    values: [
      entries.map(({ name }) => name),
      entries.map(({ version }) => version),
      entries.map(({ status }) => status),
      entries.map(({ statusMessage }) => statusMessage),
      entries.map(({ statusChangedAt }) => statusChangedAt),
      entries.map(({ publishedAt }) => publishedAt),
    ],
  });
}

export interface VersionMark {
  readonly name: string;
  readonly version: string;
  readonly status: ServerStatus;
  readonly publishedAt: string;
  readonly isLatest: boolean;
}

/** Every version of the servers, with its mark. */
export function selectMarks(database: Database, names: readonly string[]): Promise<VersionMark[]> {
  return runStatement(database, {
    name: "import-marks",
    text: `SELECT server_name AS "name", version, status, is_latest AS "isLatest", ${timestampText("published_at")} AS "publishedAt"
             FROM server_version WHERE server_name = ANY ($1::text[])`,
    values: [names],
  });
}

/** Sets one mark on every given version. `touch`: with a new updated_at, so that mirrors hear of it. */
export async function markVersions(
  database: Database,
  marks: readonly { readonly name: string; readonly version: string; readonly touch: boolean }[],
  isLatest: boolean,
): Promise<void> {
  await runStatement(database, {
    name: "import-mark",
    text: `UPDATE server_version AS v
              SET is_latest = $4, updated_at = CASE WHEN i.touch THEN clock_timestamp() ELSE v.updated_at END
             FROM unnest($1::text[], $2::text[], $3::boolean[]) AS i (name, version, touch)
            WHERE v.server_name = i.name AND v.version = i.version`,
    values: [
      marks.map(({ name }) => name),
      marks.map(({ version }) => version),
      marks.map(({ touch }) => touch),
      isLatest,
    ],
  });
}
