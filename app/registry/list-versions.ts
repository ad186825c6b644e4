import { AppError } from "../errors.ts";
import { isServerName } from "./server-name.ts";
import { renderServerList } from "./server-record.ts";
import { selectVersions } from "./server-repository.ts";
import type { Database } from "./statement.ts";

/**
 * JSON text of a ServerList with every version of a server, newest published first. A server whose versions are all
 * deleted is not found without `includeDeleted`.
 *
 * @throws AppError `not-found`
 */
export async function listVersions(
  database: Database,
  name: string,
  includeDeleted: boolean,
): Promise<string> {
  const records = isServerName(name) ? await selectVersions(database, name, includeDeleted) : [];
  if (records.length === 0) throw new AppError("not-found", `There is no server ${JSON.stringify(name)}.`);
  return renderServerList(records);
}
