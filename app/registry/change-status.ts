import { AppError } from "../errors.ts";
import { markLatest } from "./mark-latest.ts";
import { lockServer, updateStatus } from "./publish-repository.ts";
import { renderServer } from "./server-record.ts";
import { selectVersions } from "./server-repository.ts";
import type { ServerStatus } from "./server-status.ts";
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
