import { serverDocument } from "./documents.mjs";

export const versionsPerServer = 3;

/** The name of the server with that number. */
export function serverName(index) {
  return `com.example.group${String(index % 100).padStart(2, "0")}/server-${String(index).padStart(6, "0")}`;
}

/** Fills the registry's tables with three versions of each server, the last of them the latest; returns the sizes of their documents in bytes. */
export async function seedRegistry(databases, database, servers) {
  const sizes = [];
  const step = 1000;
  for (let start = 0; start < servers; start += step) {
    const rows = Array.from({ length: Math.min(step, servers - start) }, (_, at) =>
      Array.from({ length: versionsPerServer }, (_none, release) => row(start + at, release + 1)),
    ).flat();
    sizes.push(...rows.map(({ value }) => Buffer.byteLength(value)));
    await databases.query(database, "INSERT INTO server (name) SELECT DISTINCT unnest($1::text[])", [
      rows.map(({ name }) => name),
    ]);
    await databases.query(database, insert, [
      rows.map(({ name }) => name),
      rows.map(({ version }) => version),
      rows.map(({ value }) => value),
      rows.map(({ description }) => description),
      rows.map(({ release }) => release),
    ]);
  }
  // As autovacuum leaves it: without, every search would walk the index's list of what was just inserted.
  await databases.query(database, "VACUUM ANALYZE");
  return sizes;
}

const insert = `
  INSERT INTO server_version (server_name, version, value, title, description, status, status_changed_at, is_latest, published_at, updated_at)
  SELECT name, version, value::json, NULL, description, 'active', published, release = ${versionsPerServer}, published, published
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[]) AS s (name, version, value, description, release),
         LATERAL (SELECT clock_timestamp() - release * interval '1 day') AS d (published)`;

function row(index, release) {
  const name = serverName(index);
  const version = `1.${release}.0`;
  const document = serverDocument(name, index, version);
  return { name, version, value: JSON.stringify(document), description: document.description, release };
}
