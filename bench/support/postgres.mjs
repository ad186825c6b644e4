import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import pg from "pg";

/** Databases of the server that a run of the benchmark has started. */
export function createDatabases(clusterUrl) {
  const urlOf = (name) => {
    const url = new URL(clusterUrl);
    url.pathname = `/${name}`;
    return url.href;
  };
  return {
    urlOf,
    async query(name, text, values) {
      const client = new pg.Client(urlOf(name));
      await client.connect();
      try {
        return await client.query(text, values);
      } finally {
        await client.end();
      }
    },
    /** Makes it anew and returns its address. */
    async create(name) {
      await this.query("postgres", `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await this.query("postgres", `CREATE DATABASE ${name}`);
      return urlOf(name);
    },
  };
}

/**
 * Puts PostgreSQL's own client programs first on the PATH, where they are installed: Debian's wrappers in /usr/bin are
 * Perl, which is what one would measure.
 */
export function preferRealClients() {
  const root = "/usr/lib/postgresql";
  const versions = readFolder(root).toSorted((a, b) => Number(b) - Number(a));
  const folders = versions.map((version) => join(root, version, "bin"));
  process.env.PATH = [...folders, process.env.PATH].join(delimiter);
}

/** Where a program is, or undefined. */
export function findProgram(name) {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => ({ folder, found: readFolder(folder).includes(name) }))
    .filter(({ found }) => found)
    .map(({ folder }) => join(folder, name))[0];
}

function readFolder(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
