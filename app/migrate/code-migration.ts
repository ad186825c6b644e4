import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import type { MigrationBuilder as Builder } from "node-pg-migrate";
import type { Session } from "../database/session.ts";
import { runText } from "../database/run-text.ts";
import { AppError, messageOf } from "../errors.ts";
import type { PreparedMigration } from "./prepare.ts";

type Action = (pgm: Builder, done?: () => void) => unknown;

interface MigrationModule {
  readonly up?: Action | false;
  readonly down?: Action | false | undefined;
  readonly shorthands?: Record<string, never>;
}

/** Runs one direction of a TypeScript or JavaScript migration on the session: its function, then what its builder collected. */
export async function runCode(
  session: Session,
  migration: PreparedMigration,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const step of await collectSteps(session, migration, signal)) await runText(session, step);
}

/**
 * The SQL that a TypeScript or JavaScript migration asks node-pg-migrate's builder for, not run yet; what its function
 * does by way of `pgm.db` is done. A migration without `down` is reverted by the builder's reverse mode, as
 * node-pg-migrate does.
 *
 * @throws AppError `migration-failed` for a module that cannot be loaded or has nothing for this direction,
 *   `interrupted` when the signal fires before the function is done; whatever the migration throws
 */
export async function collectSteps(
  session: Session,
  migration: PreparedMigration,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  return await collectFrom(connectionFor(session), migration, signal);
}

/**
 * The same without a database: what its function asks of `pgm.db` is refused.
 *
 * @returns undefined when the migration asks the database, so that what it would do cannot be known beforehand
 * @throws as `collectSteps`
 */
export async function collectStepsOffline(
  migration: PreparedMigration,
  signal: AbortSignal | undefined,
): Promise<readonly string[] | undefined> {
  let asked = false;
  const refuse = async (): Promise<never> => {
    asked = true;
    throw new Error("there is no database to ask here");
  };
  try {
    const steps = await collectFrom({ query: refuse, select: refuse }, migration, signal);
    return asked ? undefined : steps;
  } catch (error) {
    if (asked) return undefined;
    throw error;
  }
}

async function collectFrom(
  connection: LibraryConnection,
  migration: PreparedMigration,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const { MigrationBuilder } = await import("node-pg-migrate");
  const { up, down, shorthands = {} } = await loadModule(migration.path);
  const builder = new MigrationBuilder(connection, shorthands, false, silent);
  const reversed = migration.direction === "down" && down === undefined;
  if (reversed) builder.enableReverseMode();
  const action = migration.direction === "up" || reversed ? up : down;
  if (typeof action !== "function") {
    throw new AppError(
      "migration-failed",
      `${basename(migration.path)} exports no function "${migration.direction}"`,
    );
  }
  await finishOf(action, builder, signal);
  if (!builder.isUsingTransaction() && !migration.directives.noTransaction) {
    throw new AppError(
      "migration-failed",
      "the migration calls pgm.noTransaction(): say so with `// migrate: no-transaction` in the first comment of the file instead",
    );
  }
  return builder.getSqlSteps();
}

/** The engine prints nothing, and node-pg-migrate's `info` would go to stdout, where the answer belongs. */
const nothing = (): void => undefined;
export const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** A function with a second parameter calls it when it is done; one that returns a promise is done when that is. */
async function finishOf(action: Action, builder: Builder, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // The server's work is cancelled from outside; what the function waits for by itself may never come.
    const onAbort = (): void => reject(new AppError("interrupted", "Stopped by a signal."));
    signal?.addEventListener("abort", onAbort, { once: true });
    const returned = action(builder, resolve);
    if (returned instanceof Promise) returned.then(() => resolve(), reject);
    else if (action.length < 2) resolve();
  });
}

/** Node strips types by itself from 22.18 on; before that, the loader that node-pg-migrate brings does it. */
async function loadModule(path: string): Promise<MigrationModule> {
  try {
    const needsLoader =
      /\.m?ts$/.test(path) && !("typescript" in process.features && process.features.typescript);
    const module = (
      needsLoader
        ? await (await import("node-pg-migrate")).jiti.import(path)
        : await import(pathToFileURL(path).href)
    ) as MigrationModule & {
      default?: MigrationModule;
    };
    return module.up === undefined && module.default !== undefined ? module.default : module;
  } catch (error) {
    throw new AppError("migration-failed", `${basename(path)} cannot be loaded: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

type LibraryConnection = ConstructorParameters<typeof import("node-pg-migrate").MigrationBuilder>[0];

/** What the library sees as the database: our session, without its lifecycle. */
export function connectionFor({ client }: Session): LibraryConnection {
  return {
    query: ((text: string, values?: unknown[]) => client.query(text, values)) as LibraryConnection["query"],
    select: (async (text: string, values?: unknown[]) =>
      (await client.query(text, values)).rows) as LibraryConnection["select"],
  };
}
