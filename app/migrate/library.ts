import { join } from "node:path";
import type { Session } from "../database/session.ts";
import { projectRoot } from "../version.ts";
import type { LedgerTables } from "./ledger-tables.ts";

/**
 * Lets node-pg-migrate run one migration in one transaction: BEGIN, `work`, its own row in the table of applied names,
 * COMMIT; ROLLBACK when anything throws. It takes no lock, looks at no folder of ours and prints nothing, since its own
 * ways of doing so are not safe with several runners.
 */
export async function runThroughLibrary(
  session: Session,
  tables: LedgerTables,
  migration: { readonly name: string; readonly direction: "up" | "down" },
  work: () => Promise<void>,
): Promise<void> {
  const { runner } = await import("node-pg-migrate");
  const silent = (): void => undefined;
  let failure: { readonly reason: unknown } | undefined;
  const action = async (): Promise<void> => {
    await work().catch((error: unknown) => {
      failure = { reason: error };
      throw error;
    });
  };
  const ran = await runner({
    dbClient: session.client,
    migrationsTable: tables.migrationsName,
    migrationsSchema: tables.schema,
    direction: migration.direction,
    file: migration.name,
    count: 1,
    singleTransaction: true,
    noLock: true,
    checkOrder: false,
    // The library wants a folder: this pattern leaves it one file, for which our loader answers with the migration.
    dir: projectRoot,
    ignorePattern: "(?!package\\.json$).*",
    migrationLoaderStrategies: [
      {
        extensions: [".json"],
        loader: async () => [
          {
            id: join(projectRoot, `${migration.name}.sql`),
            filePaths: [],
            // Two functions: the library tells the direction by comparing them.
            actions: { up: () => action(), down: () => action() },
          },
        ],
      },
    ],
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  }).catch((error: unknown) => {
    // Where the connection is gone, the library's ROLLBACK fails too, and would hide why.
    throw failure === undefined ? error : failure.reason;
  });
  if (ran.length !== 1)
    throw new Error(`node-pg-migrate ran ${ran.length} migrations instead of ${migration.name}`);
}
