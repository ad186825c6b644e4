import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import type { MigrationBuilder as Builder } from "node-pg-migrate";
import type { Session } from "../database/session.ts";
import { runText } from "../database/run-text.ts";
import { AppError, messageOf } from "../errors.ts";
import { withCodeGuard, type CodeGuard } from "./code-guard.ts";
import type { Listener } from "./events.ts";
import type { PreparedMigration } from "./prepare.ts";

type Action = (pgm: Builder, done?: (error?: unknown) => void) => unknown;

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
  listener?: Listener,
): Promise<void> {
  for (const step of await collectSteps(session, migration, signal, listener)) await runText(session, step);
}

/**
 * The SQL that a TypeScript or JavaScript migration asks node-pg-migrate's builder for, not run yet; what its function
 * does by way of `pgm.db` is done. A migration without `down` is reverted by the builder's reverse mode, as
 * node-pg-migrate does.
 *
 * @throws AppError `migration-failed` for a module that cannot be loaded or has nothing for this direction, and for one
 *   that ends the process, goes on behind its function or never comes to its end; `interrupted` when the signal fires before the function is done; whatever the migration throws
 */
export async function collectSteps(
  session: Session,
  migration: PreparedMigration,
  signal: AbortSignal | undefined,
  listener?: Listener,
): Promise<readonly string[]> {
  return await collectFrom(connectionFor(session), migration, signal, listener);
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
  listener?: Listener,
): Promise<readonly string[]> {
  const { name } = migration.file;
  // A secret file shows nothing of what it does.
  const { secret } = migration.directives;
  const tell = (text: string): void =>
    secret ? undefined : listener?.({ type: "notice", name, severity: "OUTPUT", text });
  return await withCodeGuard(name, signal, tell, async (guard) => {
    const { MigrationBuilder } = await import("node-pg-migrate");
    const { up, down, shorthands = {} } = await guard.load(() => loadModule(migration.path));
    const builder = new MigrationBuilder(guarded(connection, guard), shorthands, false, silent);
    const reversed = migration.direction === "down" && down === undefined;
    if (reversed) builder.enableReverseMode();
    const action = migration.direction === "up" || reversed ? up : down;
    if (typeof action !== "function") {
      throw new AppError(
        "migration-failed",
        `${basename(migration.path)} exports no function "${migration.direction}"`,
      );
    }
    await finishOf(action, builder, guard, signal);
    const steps = [...builder.getSqlSteps()];
    await guard.settle();
    if (builder.getSqlSteps().length !== steps.length) {
      throw new AppError(
        "migration-failed",
        "it used pgm after its function had returned: something in it is not awaited",
      );
    }
    if (!builder.isUsingTransaction() && !migration.directives.noTransaction) {
      throw new AppError(
        "migration-failed",
        "the migration calls pgm.noTransaction(): say so with `// migrate: no-transaction` in the first comment of the file instead",
      );
    }
    return steps;
  });
}

/** The same connection for code that is watched: what it asks for and does not wait for is noticed. */
function guarded({ query, select }: LibraryConnection, guard: CodeGuard): LibraryConnection {
  const watched =
    (ask: (...words: never[]) => Promise<unknown>) =>
    async (...words: never[]): Promise<unknown> =>
      await guard.track(async () => await ask(...words));
  return {
    query: watched(query as never) as LibraryConnection["query"],
    select: watched(select as never) as LibraryConnection["select"],
  };
}

/** The engine prints nothing, and node-pg-migrate's `info` would go to stdout, where the answer belongs. */
const nothing = (): void => undefined;
export const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** A function with a second parameter calls it when it is done; one that returns a promise is done when that is. */
async function finishOf(
  action: Action,
  builder: Builder,
  guard: CodeGuard,
  signal: AbortSignal | undefined,
): Promise<void> {
  let onAbort: (() => void) | undefined;
  const finished = new Promise<void>((resolve, reject) => {
    // The server's work is cancelled from outside; what the function waits for by itself may never come.
    onAbort = () => reject(new AppError("interrupted", "Stopped by a signal."));
    signal?.addEventListener("abort", onAbort, { once: true });
    const done = (error?: unknown): void => {
      if (error === undefined || error === null) resolve();
      // oxlint-disable-next-line prefer-promise-reject-errors -- it is the migration's own.
      else reject(error);
    };
    const returned = guard.call(() => action(builder, done));
    if (isThenable(returned)) returned.then(() => resolve(), reject);
    else if (action.length < 2) resolve();
  });
  try {
    await Promise.race([finished, guard.broken]);
  } finally {
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === "function";
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
