import { readCatalogue, type CatalogueEntry } from "../../migrate/catalogue/read.ts";
import { startProgram } from "./run-program.ts";
import { withTestSession, type TestDatabase } from "./test-database.ts";

/** The newest version in `migrations/`. */
export const head = 10;
/** Applied by `migrate deferred` only. */
const deferred = 9;

/** Applies our own migrations up to this version, with the built program; `head` is all of them. */
export async function migrateUpTo(database: TestDatabase, version: number): Promise<void> {
  // --to 9 would be about the ones below it: nothing is left of them, or they come first.
  await migrate(database, "up", "--to", String(version));
  if (version >= deferred) await migrate(database, "deferred");
}

/** Reverts the newest migrations that are applied; 0: all of them. */
export async function migrateDown(database: TestDatabase, count = 1): Promise<void> {
  await migrate(database, "down", "-n", String(count));
}

async function migrate(database: TestDatabase, ...args: string[]): Promise<void> {
  const env = { DATABASE_URL: database.url, LOG_FORMAT: "json" };
  const { code, stderr } = await startProgram("migrate", { args: [...args, "--yes"], env }).ended;
  if (code !== 0) throw new Error(`migrate ${args.join(" ")} ended with ${code}:\n${stderr}`);
}

/** The registry's schema, without the ledger's tables. */
export async function readRegistrySchema(database: TestDatabase): Promise<CatalogueEntry[]> {
  const entries = await withTestSession(database.address, async ({ client }) => await readCatalogue(client));
  return entries.filter(({ name }) => !name.includes("schema_migration"));
}

/** How many versions there are, and a hash over what must never change: name, version and document. */
export async function readDocuments(database: TestDatabase): Promise<{ rows: number; hash: string }> {
  const [found] = await database.query(
    `SELECT count(*)::int AS rows, md5(string_agg(md5(server_name || ' ' || version || ' ' || value::text), '' ORDER BY server_name, version)) AS hash
       FROM server_version`,
  );
  return found as { rows: number; hash: string };
}
