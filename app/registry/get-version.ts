import { AppError } from "../errors.ts";
import { isServerName, isVersionFilter } from "./server-name.ts";
import { renderOneServer, type RenderedServers } from "./server-record.ts";
import { selectVersion } from "./server-repository.ts";
import type { Database } from "./statement.ts";

/**
 * A ServerResponse. `version` is one exact version or `latest`. What is deleted is not found without
 * `includeDeleted`.
 *
 * @throws AppError `not-found`
 */
export async function getVersion(
  database: Database,
  name: string,
  version: string,
  includeDeleted: boolean,
): Promise<RenderedServers> {
  const isThinkable = isServerName(name) && isVersionFilter(version);
  const record = isThinkable ? await selectVersion(database, name, version, includeDeleted) : undefined;
  if (record === undefined) {
    throw new AppError(
      "not-found",
      `There is no version ${JSON.stringify(version)} of a server ${JSON.stringify(name)}.`,
    );
  }
  return renderOneServer(record);
}
