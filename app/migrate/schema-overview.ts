import { resolveLedgerTables } from "./ledger-tables.ts";
import { readLedger } from "./ledger.ts";
import { readMigrationTimes } from "./migration-times.ts";
import type { Queryable } from "./queryable.ts";
import { judgeSchema, type SchemaExpectation, type SchemaState } from "./readiness.ts";

/** An applied migration, for people. */
export interface MigrationOverview {
  readonly name: string;
  /** ISO 8601 in UTC; undefined where nobody recorded it. */
  readonly appliedAt: string | undefined;
  readonly seconds: number | undefined;
}

/** Where the schema stands. */
export interface SchemaOverview extends SchemaState {
  /** How many migrations are applied. */
  readonly count: number;
  /** The one that was applied last, which need not be the one with the highest number. */
  readonly last: MigrationOverview | undefined;
  /** Those with the highest numbers, highest first. */
  readonly newest: readonly MigrationOverview[];
  /** Names of deferred migrations that are not applied yet. */
  readonly deferred: readonly string[];
}

/** How many are shown one by one. */
const most = 20;

/** @throws AppError as `readLedger` */
export async function readSchemaOverview(
  database: Queryable,
  expectation: SchemaExpectation,
): Promise<SchemaOverview> {
  const tables = await resolveLedgerTables(database, expectation.tables);
  const { applied } = await readLedger(database, tables);
  const times = await readMigrationTimes(database, expectation.tables);
  const secondsOf = new Map(times.map(({ name, seconds }) => [name, seconds]));
  const migrations = applied.map(({ name, appliedAt }): MigrationOverview => ({
    name,
    appliedAt: appliedAt === null ? undefined : new Date(appliedAt).toISOString(),
    seconds: secondsOf.get(name),
  }));
  const done = new Set([...applied.map(({ name }) => name), ...expectation.required]);
  return {
    ...judgeSchema(applied, expectation),
    count: migrations.length,
    last: migrations.toSorted((a, b) => ((a.appliedAt ?? "") < (b.appliedAt ?? "") ? -1 : 1)).at(-1),
    newest: migrations.slice(-most).toReversed(),
    deferred: [...expectation.known].filter((name) => !done.has(name)),
  };
}
