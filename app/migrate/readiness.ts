import type { Config } from "../config/settings.ts";
import { readKnownMigrations } from "./known-migrations.ts";
import { ledgerTables, resolveLedgerTables, type LedgerTables } from "./ledger-tables.ts";
import { readLedger, type AppliedMigration } from "./ledger.ts";
import type { Queryable } from "./queryable.ts";

export type { Queryable } from "./queryable.ts";

/** What this image's migration files ask of the schema; read once when the service starts. */
export interface SchemaExpectation {
  readonly tables: LedgerTables;
  /** Names of all migrations that are not deferred. */
  readonly required: readonly string[];
  /** Names of all migrations of this image. */
  readonly known: ReadonlySet<string>;
  /** Some of them are deferred. */
  readonly hasDeferred: boolean;
}

export interface SchemaState {
  /** Every non-deferred migration of this image is applied, and the schema is not past its floor. */
  readonly ready: boolean;
  /** A sentence that says why not. */
  readonly reason?: string;
  /** The newest applied and the newest expected migration. */
  readonly applied: string | undefined;
  readonly expected: string | undefined;
}

/** @throws AppError as `readKnownMigrations` */
export function readSchemaExpectation(config: Config): SchemaExpectation {
  const known = readKnownMigrations(config);
  return {
    tables: ledgerTables(config),
    required: known.filter(({ deferred }) => !deferred).map(({ name }) => name),
    known: new Set(known.map(({ name }) => name)),
    hasDeferred: known.some(({ deferred }) => deferred),
  };
}

/**
 * Whether the schema is what this image needs. What a newer image has applied, is running or has failed to run never
 * makes this one unready, unless it is marked as breaking: anything else would empty the service in every upgrade.
 */
export async function readSchemaState(
  database: Queryable,
  expectation: SchemaExpectation,
): Promise<SchemaState> {
  const { applied } = await readLedger(database, await resolveLedgerTables(database, expectation.tables));
  return judgeSchema(applied, expectation);
}

/** The same about a ledger that was read already. Pure. */
export function judgeSchema(
  applied: readonly AppliedMigration[],
  expectation: SchemaExpectation,
): SchemaState {
  const names = new Set(applied.map(({ name }) => name));
  const versions = { applied: applied.at(-1)?.name, expected: expectation.required.at(-1) };
  const missing = expectation.required.filter((name) => !names.has(name));
  if (missing.length > 0) {
    const reason = `${missing.length} ${missing.length === 1 ? "migration is" : "migrations are"} not applied yet, first ${missing[0]}.`;
    return { ready: false, reason, ...versions };
  }
  const breaking = applied.find(
    ({ name, directives }) => directives.breaking && !expectation.known.has(name),
  );
  if (breaking !== undefined)
    return { ready: false, reason: `${breaking.name} needs a newer image than this one.`, ...versions };
  return { ready: true, ...versions };
}
