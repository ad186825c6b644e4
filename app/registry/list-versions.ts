import { AppError } from "../errors.ts";
import { isServerName } from "./server-name.ts";
import { renderServerList, type RenderedServers, type ServerRecord } from "./server-record.ts";
import { selectVersions } from "./server-repository.ts";
import type { Database } from "./statement.ts";

/**
 * A ServerList with every version of a server, newest published first.
 *
 * @throws AppError as `readVersions`
 */
export async function listVersions(
  database: Database,
  name: string,
  includeDeleted: boolean,
): Promise<RenderedServers> {
  return renderServerList(await readVersions(database, name, includeDeleted));
}

/**
 * Every version of a server, newest published first; at least one. A server whose versions are all deleted is not found
 * without `includeDeleted`.
 *
 * @throws AppError `not-found`
 */
export async function readVersions(
  database: Database,
  name: string,
  includeDeleted: boolean,
): Promise<ServerRecord[]> {
  const records = isServerName(name) ? await selectVersions(database, name, includeDeleted) : [];
  if (records.length === 0) throw new AppError("not-found", `There is no server ${JSON.stringify(name)}.`);
  return records;
}
