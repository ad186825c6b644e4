import type { Position } from "./cursor.ts";
import type { ListFilters } from "./list-filters.ts";
import { latestWord } from "./server-name.ts";
import { recordOf, type ServerRecord } from "./server-record.ts";
import { defineStatement, runStatement, type Database, type RowOf } from "./statement.ts";

/**
 * `value` is passed through as text. Times are JSON texts, so that no driver rounds microseconds and no setting of the
 * session changes their form; writing them is a good part of what a page costs PostgreSQL, so those that repeat
 * "publishedAt" are null.
 */
const columns = `server_name AS "name", version, value::text AS "value", is_latest AS "isLatest", status,
  status_message AS "statusMessage", ${timestampJson("published_at")} AS "publishedAt",
  ${timestampJson("nullif(status_changed_at, published_at)")} AS "statusChangedAt",
  ${timestampJson("nullif(updated_at, published_at)")} AS "updatedAt"`;

function timestampJson(time: string): string {
  return `to_json(${time} AT TIME ZONE 'UTC')::text`;
}

/** SQL that writes a time as `parseTimestamp` does. */
export function timestampText(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** SQL that leaves out what was deleted. */
const notDeleted = "status <> 'deleted'";

const pageText = (where: string): string =>
  `SELECT ${columns} FROM registry.server_version ${where} ORDER BY server_name, version LIMIT $1`;

/** The list without filters; with them the rows are the same. */
const page = defineStatement("registry-page", pageText(""));

/** At most `limit` versions after a position, by name and version in the order of their bytes. */
export async function selectPage(
  database: Database,
  filters: ListFilters,
  after: Position | undefined,
  limit: number,
): Promise<ServerRecord[]> {
  const values: unknown[] = [limit];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  // Each combination of filters is one prepared statement, named after its conditions. But where the right plan depends
  // on the value (a common word or a rare one, a moment long ago or just now) each query is planned for itself: the plan
  // that PostgreSQL would keep for all values walks the whole table for the rare ones.
  const conditions: [name: string, sql: string][] = [];
  if (after !== undefined) {
    conditions.push([
      "after",
      `(server_name, version) > (${parameter(after.name)}, ${parameter(after.version)})`,
    ]);
  }
  if (filters.search !== undefined) {
    const pattern = parameter(containing(filters.search));
    const matches = ["server_name", "title", "description"].map((column) => `${column} ILIKE ${pattern}`);
    conditions.push(["search", `(${matches.join(" OR ")})`]);
  }
  if (filters.updatedSince !== undefined) {
    conditions.push(["updated", `updated_at > ${parameter(filters.updatedSince)}::timestamptz`]);
  }
  if (filters.version === latestWord) conditions.push(["latest", "is_latest"]);
  else if (filters.version !== undefined)
    conditions.push(["version", `version = ${parameter(filters.version)}`]);
  if (!filters.includeDeleted) conditions.push(["present", notDeleted]);

  const dependsOnValue = filters.search !== undefined || filters.updatedSince !== undefined;
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.map(([, sql]) => sql).join(" AND ")}`;
  const rows = await runStatement<RowOf<"registry-page">>(database, {
    name: dependsOnValue ? "" : [page.name, ...conditions.map(([name]) => name)].join("-"),
    text: pageText(where),
    values,
  });
  return rows.map(recordOf);
}

const versionsOfServer = defineStatement(
  "registry-versions",
  `SELECT ${columns} FROM registry.server_version WHERE server_name = $1 AND ($2 OR ${notDeleted})
    ORDER BY published_at DESC, version DESC`,
);

/** Every version of a server, newest published first. */
export async function selectVersions(
  database: Database,
  name: string,
  includeDeleted: boolean,
): Promise<ServerRecord[]> {
  const rows = await runStatement(database, versionsOfServer.with(name, includeDeleted));
  return rows.map(recordOf);
}

const oneVersion = defineStatement(
  "registry-version",
  `SELECT ${columns} FROM registry.server_version WHERE server_name = $1 AND version = $2 AND ($3 OR ${notDeleted})`,
);
const latestVersion = defineStatement(
  "registry-latest",
  `SELECT ${columns} FROM registry.server_version WHERE server_name = $1 AND is_latest AND ($2 OR ${notDeleted})`,
);

/** One version of a server, or its latest. */
export async function selectVersion(
  database: Database,
  name: string,
  version: string,
  includeDeleted: boolean,
): Promise<ServerRecord | undefined> {
  const statement =
    version === latestWord
      ? latestVersion.with(name, includeDeleted)
      : oneVersion.with(name, version, includeDeleted);
  const [row] = await runStatement(database, statement);
  return row && recordOf(row);
}

/** A LIKE pattern that finds the text literally. */
function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, (character) => `\\${character}`)}%`;
}
