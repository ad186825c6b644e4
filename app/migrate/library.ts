import type { Session } from "../database/session.ts";
import { connectionFor, silent } from "./code-migration.ts";
import type { LedgerTables } from "./ledger-tables.ts";

/**
 * Lets node-pg-migrate apply one migration inside the transaction that the caller has opened: `work`, then its own row in
 * the table of applied names. Its runner is left out: for each migration it reads the whole table and a folder again,
 * and its own ways of locking and printing are not safe with several runners.
 */
export async function applyThroughLibrary(
  session: Session,
  { schema, migrationsName }: LedgerTables,
  { name, direction }: { readonly name: string; readonly direction: "up" | "down" },
  work: () => Promise<void>,
): Promise<void> {
  const { Migration } = await import("node-pg-migrate");
  const migration = new Migration(
    // Of a connection it uses `query` and `select`; the rest, its lifecycle, is ours.
    connectionFor(session) as ConstructorParameters<typeof Migration>[0],
    `${name}.sql`,
    // Two functions: the library tells the direction by comparing them.
    { up: () => work(), down: () => work() },
    { migrationsSchema: schema, migrationsTable: migrationsName, singleTransaction: true, ...unusedHere },
    {},
    silent,
  );
  await migration.apply(direction);
}

/** Options that its type asks for and only its runner reads. */
const unusedHere = { databaseUrl: "", dir: "", direction: "up" as const };
