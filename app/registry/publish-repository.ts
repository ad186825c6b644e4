import type { ServerStatus } from "./server-status.ts";
import { defineStatement, runStatement, type Database } from "./statement.ts";

// Dated after the lock was had, so that dates are in the order of turns.
const insertStatement = defineStatement(
  "publish-insert",
  `INSERT INTO registry.server_version (server_name, version, value, title, description, status, status_changed_at, published_at, updated_at)
   SELECT $1, $2, $3::json, $4, $5, 'active', published, published, published FROM clock_timestamp() AS published
   ON CONFLICT (server_name, version) DO NOTHING RETURNING version`,
);

/** Adds a version that is published now. Returns whether it was not there yet. */
export async function insertVersion(
  database: Database,
  version: {
    readonly name: string;
    readonly version: string;
    readonly value: string;
    readonly title: string | undefined;
    readonly description: string;
  },
): Promise<boolean> {
  const { name, value, title, description } = version;
  const rows = await runStatement(
    database,
    insertStatement.with(name, version.version, value, title, description),
  );
  return rows.length === 1;
}

const lockStatement = defineStatement(
  "status-lock",
  "SELECT FROM registry.server WHERE name = $1 FOR NO KEY UPDATE",
);

/** Publications and imports of the server wait until the transaction ends, and so the latest version is decided once. */
export async function lockServer(database: Database, name: string): Promise<void> {
  await runStatement(database, lockStatement.with(name));
}

const updateStatement = defineStatement(
  "status-update",
  `UPDATE registry.server_version AS v
      SET status = $3, status_message = nullif($4, ''), updated_at = changed,
          status_changed_at = CASE WHEN v.status = $3 THEN v.status_changed_at ELSE changed END
     FROM clock_timestamp() AS changed
    WHERE server_name = $1 AND version = ANY ($2)`,
);

/** Writes a status with its message, or none; the date of the status only where that is another one. */
export async function updateStatus(
  database: Database,
  name: string,
  versions: readonly string[],
  { status, message }: { readonly status: ServerStatus; readonly message: string | undefined },
): Promise<void> {
  await runStatement(database, updateStatement.with(name, versions, status, message));
}
