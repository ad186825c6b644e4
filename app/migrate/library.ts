import { silent } from "./code-migration.ts";
import type { LedgerTables } from "./ledger-tables.ts";

/**
 * What node-pg-migrate sends when it has applied or reverted a migration: its own row in the table of applied names,
 * or the removal of it. To be run behind the migration in the same transaction. The library's runner is left out: for
 * each migration it reads the whole table and a folder again, and its own ways of locking and printing are not safe
 * with several runners.
 */
export async function librarySteps(
  { schema, migrationsName }: LedgerTables,
  { name, direction }: { readonly name: string; readonly direction: "up" | "down" },
): Promise<readonly string[]> {
  const { Migration } = await (library ??= import("node-pg-migrate/migration"));
  const steps: string[] = [];
  // Of a connection it uses `query`; this one gathers what goes to the server together with other statements.
  const gathering = { query: async (text: string): Promise<void> => void steps.push(text) };
  const migration = new Migration(
    gathering as unknown as ConstructorParameters<typeof Migration>[0],
    `${name}.sql`,
    // Two functions: the library tells the direction by comparing them.
    { up: () => undefined, down: () => undefined },
    { migrationsSchema: schema, migrationsTable: migrationsName, singleTransaction: true, ...unusedHere },
    {},
    silent,
  );
  await migration.markAsRun(direction);
  return steps;
}

/** Once for all migrations of a run: to be given a module again takes longer than the rest of this. */
let library: Promise<typeof import("node-pg-migrate/migration")> | undefined;

/** Options that its type asks for and only its runner reads. */
const unusedHere = { databaseUrl: "", dir: "", direction: "up" as const };
