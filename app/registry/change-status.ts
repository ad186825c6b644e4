import { AppError } from "../errors.ts";
import { markLatest } from "./mark-latest.ts";
import { renderServer } from "./server-record.ts";
import { selectVersions } from "./server-repository.ts";
import type { ServerStatus } from "./server-status.ts";
import { runStatement, type Database } from "./statement.ts";
import { inTransaction, type DatabasePool } from "./transaction.ts";

/** What somebody wants of one version, or of all. */
export interface StatusChange {
  readonly status: ServerStatus;
  /** Why, for people; at most 500 characters. Not given: none, or the one that is there where the status stays. */
  readonly message: string | undefined;
}

/**
 * Gives one version another status, and returns JSON text of its ServerResponse.
 *
 * @throws AppError `not-found`; `invalid-request` when there is nothing to change, or for a message with `active`
 */
export async function changeVersionStatus(
  pool: DatabasePool,
  name: string,
  version: string,
  change: StatusChange,
): Promise<string> {
  const [json = ""] = await changeStatus(pool, name, version, change);
  return json;
}

/**
 * Gives every version of a server another status, or none when it fails. Returns JSON text of how many have changed,
 * and of those.
 *
 * @throws AppError as `changeVersionStatus`
 */
export async function changeServerStatus(
  pool: DatabasePool,
  name: string,
  change: StatusChange,
): Promise<string> {
  const changed = await changeStatus(pool, name, undefined, change);
  return `{"updatedCount":${changed.length},"servers":[${changed.join(",")}]}`;
}

async function changeStatus(
  pool: DatabasePool,
  name: string,
  version: string | undefined,
  change: StatusChange,
): Promise<string[]> {
  if (change.status === "active" && change.message) {
    throw new AppError("invalid-request", "An active version has no statusMessage: leave it out.");
  }
  return inTransaction(pool, async (database) => {
    await lockServer(database, name);
    const versions = await selectVersions(database, name, true);
    const chosen = versions.filter((record) => version === undefined || record.version === version);
    if (chosen.length === 0) {
      const what = version === undefined ? "" : `version ${JSON.stringify(version)} of a `;
      throw new AppError("not-found", `There is no ${what}server ${JSON.stringify(name)}.`);
    }
    const changing = chosen.filter(
      ({ status, statusMessage }) =>
        status !== change.status ||
        (change.message !== undefined && change.message !== (statusMessage ?? "")),
    );
    if (changing.length === 0) {
      throw new AppError(
        "invalid-request",
        `There is nothing to change: the status is ${change.status} already.`,
      );
    }
    const keys = new Set(changing.map((record) => record.version));
    await updateStatus(database, name, [...keys], change);
    await markLatest(database, [name]);
    const changed = await selectVersions(database, name, true);
    return changed.filter((record) => keys.has(record.version)).map(renderServer);
  });
}

/** Publications and imports of the server wait until the transaction ends, and so the latest version is decided once. */
async function lockServer(database: Database, name: string): Promise<void> {
  await runStatement(database, {
    name: "status-lock",
    text: "SELECT FROM server WHERE name = $1 FOR NO KEY UPDATE",
    values: [name],
  });
}

async function updateStatus(
  database: Database,
  name: string,
  versions: readonly string[],
  { status, message }: StatusChange,
): Promise<void> {
  await runStatement(database, {
    name: "status-update",
    text: `UPDATE server_version AS v
              SET status = $3::server_status, status_message = nullif($4, ''), updated_at = changed,
                  status_changed_at = CASE WHEN v.status = $3::server_status THEN v.status_changed_at ELSE changed END
             FROM clock_timestamp() AS changed
            WHERE server_name = $1 AND version = ANY ($2::text[])`,
    values: [name, versions, status, message],
  });
}
