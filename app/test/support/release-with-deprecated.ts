import type { TestDatabase } from "./test-database.ts";

/**
 * The statements of the last release that knew `deprecated` and no status, word for word, for the schemas on which it
 * has to go on working.
 */

const columns = `server_name AS "name", version, value::text AS "value", deprecated, is_latest AS "isLatest",
  to_char(published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "publishedAt", to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "updatedAt"`;

/** A version as that release writes it. */
export interface OldVersion {
  readonly name: string;
  readonly version: string;
  readonly value?: string;
  readonly deprecated?: boolean;
  readonly publishedAt?: string;
  readonly updatedAt?: string;
}

export async function insertVersions(database: TestDatabase, versions: readonly OldVersion[]): Promise<void> {
  await database.query(
    `INSERT INTO server (name) SELECT DISTINCT name COLLATE "C" FROM unnest($1::text[]) AS i (name) ORDER BY 1
           ON CONFLICT DO NOTHING`,
    [versions.map(({ name }) => name)],
  );
  await database.query(
    `INSERT INTO server_version (server_name, version, value, title, description, deprecated, published_at, updated_at)
           SELECT name, version, value::json, title, description, deprecated,
                  coalesce(published_at, now()), coalesce(updated_at, published_at, now())
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[],
                         $7::timestamptz[], $8::timestamptz[])
               AS i (name, version, value, title, description, deprecated, published_at, updated_at)`,
    [
      versions.map(({ name }) => name),
      versions.map(({ version }) => version),
      versions.map(({ value = "{}" }) => value),
      versions.map(({ name }) => `Title of ${name}`),
      versions.map(({ name }) => `What ${name} does`),
      versions.map(({ deprecated = false }) => deprecated),
      versions.map(({ publishedAt }) => publishedAt),
      versions.map(({ updatedAt }) => updatedAt),
    ],
  );
}

export async function updateVersion(
  database: TestDatabase,
  { name, version, deprecated }: Required<Pick<OldVersion, "name" | "version" | "deprecated">>,
): Promise<void> {
  await database.query(
    `UPDATE server_version AS v
              SET deprecated = i.deprecated, published_at = coalesce(i.published_at, v.published_at),
                  updated_at = clock_timestamp()
             FROM unnest($1::text[], $2::text[], $3::boolean[], $4::timestamptz[]) AS i (name, version, deprecated, published_at)
            WHERE v.server_name = i.name AND v.version = i.version`,
    [[name], [version], [deprecated], [null]],
  );
}

export async function markVersion(
  database: TestDatabase,
  { name, version }: Pick<OldVersion, "name" | "version">,
  isLatest: boolean,
): Promise<void> {
  await database.query(
    `UPDATE server_version AS v
              SET is_latest = $4, updated_at = CASE WHEN i.touch THEN clock_timestamp() ELSE v.updated_at END
             FROM unnest($1::text[], $2::text[], $3::boolean[]) AS i (name, version, touch)
            WHERE v.server_name = i.name AND v.version = i.version`,
    [[name], [version], [true], isLatest],
  );
}

/** `name@version`, and `deprecated` behind those that are. */
export async function readPage(database: TestDatabase, search: string): Promise<string[]> {
  const rows = await database.query(
    `SELECT ${columns} FROM server_version WHERE (server_name ILIKE $2 OR title ILIKE $2 OR description ILIKE $2) ORDER BY server_name, version LIMIT $1`,
    [100, `%${search}%`],
  );
  return rows.map(
    ({ name, version, deprecated }) =>
      `${String(name)}@${String(version)}${deprecated === true ? " deprecated" : ""}`,
  );
}
