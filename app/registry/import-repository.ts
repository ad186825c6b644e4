import type { Entry } from "./read-entry.ts";
import { timestampText } from "./server-repository.ts";
import { defineStatement, runStatement, type Database, type RowOf } from "./statement.ts";

/**
 * What is stored about one entry that is imported again. `otherValue` is the stored document where its bytes differ from
 * the entry's; null: they are the same.
 */
export type Stored = RowOf<"import-stored">;

/** One version with its mark. */
export type VersionMark = RowOf<"import-marks">;

const addServers = defineStatement(
  "import-add-servers",
  `INSERT INTO registry.server (name) SELECT DISTINCT name COLLATE "C" FROM unnest($1::text[]) AS i (name) ORDER BY 1
    ON CONFLICT DO NOTHING`,
);

const lockServerRows = defineStatement(
  "import-lock-servers",
  `SELECT FROM registry.server WHERE name = ANY ($1::text[]) ORDER BY name FOR NO KEY UPDATE`,
);

/** Adds the servers that are missing and locks all of them until the transaction ends, always in the same order. */
export async function lockServers(database: Database, names: readonly string[]): Promise<void> {
  await runStatement(database, addServers.with(names));
  await runStatement(database, lockServerRows.with(names));
}

const storedVersions = defineStatement(
  "import-stored",
  `SELECT v.server_name AS "name", v.version, v.status, v.status_message AS "statusMessage",
           ${timestampText("v.status_changed_at")} AS "statusChangedAt",
           ${timestampText("v.published_at")} AS "publishedAt",
           CASE WHEN encode(sha256(convert_to(v.value::text, 'UTF8')), 'hex') <> i.sha256 THEN v.value::text END
             AS "otherValue"
      FROM unnest($1::text[], $2::text[], $3::text[]) AS i (name, version, sha256)
      JOIN registry.server_version AS v ON v.server_name = i.name AND v.version = i.version`,
);

/** Those of the entries that are stored already. Documents are compared by digest, so they are not sent for it. */
export function selectStored(
  database: Database,
  entries: readonly { readonly name: string; readonly version: string; readonly sha256: string }[],
): Promise<Stored[]> {
  return runStatement(
    database,
    storedVersions.with(
      entries.map(({ name }) => name),
      entries.map(({ version }) => version),
      entries.map(({ sha256 }) => sha256),
    ),
  );
}

const newVersions = defineStatement(
  "import-insert",
  `INSERT INTO registry.server_version (server_name, version, value, title, description, status, status_message,
                                status_changed_at, published_at, updated_at)
    SELECT name, version, value::json, title, description, coalesce(status, 'active'), status_message,
           coalesce(status_changed_at, CASE WHEN status <> 'active' THEN updated_at END, published_at, now()),
           coalesce(published_at, now()), coalesce(updated_at, published_at, now())
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::registry.server_status[], $7::text[],
                  $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])
        AS i (name, version, value, title, description, status, status_message, status_changed_at, published_at,
              updated_at)`,
);

/** An entry without dates was published now; one without a status is active. */
export async function insertVersions(database: Database, entries: readonly Entry[]): Promise<void> {
  await runStatement(
    database,
    newVersions.with(
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
    ),
  );
}

const changedVersions = defineStatement(
  "import-update",
  `UPDATE registry.server_version AS v
       SET status = coalesce(i.status, v.status),
           status_message = CASE WHEN i.status IS NULL THEN v.status_message ELSE i.status_message END,
           status_changed_at = coalesce(i.status_changed_at,
             CASE WHEN i.status <> v.status THEN clock_timestamp() END, v.status_changed_at),
           published_at = coalesce(i.published_at, v.published_at), updated_at = clock_timestamp()
      FROM unnest($1::text[], $2::text[], $3::registry.server_status[], $4::text[], $5::timestamptz[], $6::timestamptz[])
        AS i (name, version, status, status_message, status_changed_at, published_at)
     WHERE v.server_name = i.name AND v.version = i.version`,
);

/** Writes the status and the dates where the entry says them; the document never changes. */
export async function updateVersions(database: Database, entries: readonly Entry[]): Promise<void> {
  await runStatement(
    database,
    changedVersions.with(
      entries.map(({ name }) => name),
      entries.map(({ version }) => version),
      entries.map(({ status }) => status),
      entries.map(({ statusMessage }) => statusMessage),
      entries.map(({ statusChangedAt }) => statusChangedAt),
      entries.map(({ publishedAt }) => publishedAt),
    ),
  );
}

const marksOfServers = defineStatement(
  "import-marks",
  `SELECT server_name AS "name", version, status, is_latest AS "isLatest", ${timestampText("published_at")} AS "publishedAt"
      FROM registry.server_version WHERE server_name = ANY ($1::text[])`,
);

/** Every version of the servers, with its mark. */
export function selectMarks(database: Database, names: readonly string[]): Promise<VersionMark[]> {
  return runStatement(database, marksOfServers.with(names));
}

const markedVersions = defineStatement(
  "import-mark",
  `UPDATE registry.server_version AS v
       SET is_latest = $4, updated_at = CASE WHEN i.touch THEN clock_timestamp() ELSE v.updated_at END
      FROM unnest($1::text[], $2::text[], $3::boolean[]) AS i (name, version, touch)
     WHERE v.server_name = i.name AND v.version = i.version`,
);

/** Sets one mark on every given version. `touch`: with a new updated_at, so that mirrors hear of it. */
export async function markVersions(
  database: Database,
  marks: readonly { readonly name: string; readonly version: string; readonly touch: boolean }[],
  isLatest: boolean,
): Promise<void> {
  await runStatement(
    database,
    markedVersions.with(
      marks.map(({ name }) => name),
      marks.map(({ version }) => version),
      marks.map(({ touch }) => touch),
      isLatest,
    ),
  );
}
