import { codeOf } from "../database/sqlstate.ts";
import { AppError } from "../errors.ts";
import type { Directives } from "./directives.ts";
import { refuseForeignTable, type LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";

export interface AppliedMigration {
  readonly name: string;
  /** Undefined where the name has no number in front. */
  readonly version: bigint | undefined;
  /** Null where nobody recorded one: applied by node-pg-migrate itself, or by another tool before an adoption. */
  readonly checksum: string | null;
  readonly directives: StoredDirectives;
  readonly appliedAt: Date | null;
}

/** How a migration was applied; only some commands show it. */
export interface AppliedRun {
  readonly ranMs: number | null;
  readonly role: string | null;
  readonly host: string | null;
}

/** A migration outside a transaction that began and did not finish. */
export interface UnfinishedRun {
  readonly id: string;
  readonly name: string;
  readonly direction: "up" | "down";
  readonly state: "running" | "failed";
  readonly checksum: string | null;
  readonly statementsDone: number;
  readonly statementsTotal: number | null;
  /** The statement, from 0, that was being executed; statements behind `statementsDone` have no effect yet. */
  readonly statementStarted: number | null;
  readonly startedAt: Date;
  readonly host: string;
}

export interface LedgerState {
  readonly applied: readonly AppliedMigration[];
  readonly unfinished: readonly UnfinishedRun[];
  /** Names that stand in node-pg-migrate's table more than once. */
  readonly duplicates: readonly string[];
}

/** What of the directives the ledger keeps. */
export type StoredDirectives = Partial<
  Pick<Directives, "noTransaction" | "deferred" | "breaking"> & {
    irreversible: string;
    repeatUntilZero: boolean;
  }
>;

export function storedDirectives(directives: Directives): StoredDirectives {
  return {
    ...(directives.noTransaction ? { noTransaction: true } : {}),
    ...(directives.deferred ? { deferred: true } : {}),
    ...(directives.breaking ? { breaking: true } : {}),
    ...(directives.irreversible === undefined ? {} : { irreversible: directives.irreversible }),
    ...(directives.repeatUntilZero === undefined ? {} : { repeatUntilZero: true }),
  };
}

/**
 * Ours in one read: applied names with the newest run of each, and what was begun and not finished. One row of JSON:
 * every start pays for it, and a thousand rows cost the client three times as much.
 */
function stateQuery({ migrations, runs }: LedgerTables): string {
  return `
    SELECT (SELECT json_agg(json_build_array(m.name, extract(epoch FROM coalesce(r.finished_at, m.run_on::timestamptz)), r.checksum, nullif(r.directives, '{}')))
              FROM ${migrations} m
              LEFT JOIN (SELECT DISTINCT ON (name) name, checksum, directives, finished_at
                           FROM ${runs} WHERE state = 'applied' ORDER BY name, id DESC) r ON r.name = m.name) AS applied,
           (SELECT json_agg(json_build_object('id', u.id::text, 'name', u.name, 'direction', u.direction, 'state', u.state, 'checksum', u.checksum,
                     'statementsDone', u.statements_done, 'statementsTotal', u.statements_total, 'statementStarted', u.statement_started,
                     'startedAt', extract(epoch FROM u.started_at), 'host', u.host))
              FROM (SELECT DISTINCT ON (name) id, name, checksum, started_at, host, direction, state, statements_done, statements_total, statement_started
                      FROM ${runs} ORDER BY name, id DESC) u
             WHERE u.state = 'running' OR (u.state = 'failed' AND (u.statements_done > 0 OR u.statement_started IS NOT NULL))) AS unfinished`;
}

/** Times are seconds since 1970. */
interface StateRow {
  readonly applied:
    readonly (readonly [string, number | null, (string | null)?, (StoredDirectives | null)?])[] | null;
  readonly unfinished: readonly (Omit<UnfinishedRun, "startedAt"> & { readonly startedAt: number })[] | null;
}

/**
 * Everything the ledger says, in one query where the ledger is complete. A database without one has an empty history.
 *
 * @throws AppError `history-conflict` when another tool owns a table of that name, or half of the ledger was dropped
 */
export async function readLedger(database: Queryable, tables: LedgerTables): Promise<LedgerState> {
  try {
    const { rows } = await database.query(stateQuery(tables));
    return toState(rows[0] as StateRow);
  } catch (error) {
    if (codeOf(error) === "42703") return await refuseForeignTable(database, tables);
    if (codeOf(error) !== "42P01") throw error;
  }
  return await readIncompleteLedger(database, tables);
}

/** One of the tables is not there: nothing was ever applied, or only by node-pg-migrate without us. */
async function readIncompleteLedger(database: Queryable, tables: LedgerTables): Promise<LedgerState> {
  const found = await database.query(
    "SELECT to_regclass($1) IS NOT NULL AS migrations, to_regclass($2) IS NOT NULL AS runs",
    [tables.migrations, tables.runs],
  );
  const exists = found.rows[0] as { migrations: boolean; runs: boolean };
  if (!exists.migrations) {
    if (exists.runs) await refuseLostNames(database, tables);
    return { applied: [], unfinished: [], duplicates: [] };
  }
  try {
    const { rows } = await database.query(
      `SELECT json_agg(json_build_array(name, extract(epoch FROM run_on::timestamptz))) AS applied, NULL AS unfinished FROM ${tables.migrations}`,
    );
    return toState(rows[0] as StateRow);
  } catch (error) {
    if (codeOf(error) === "42703") return await refuseForeignTable(database, tables);
    throw error;
  }
}

/**
 * Somebody dropped the table of applied names and left ours: taking that for an empty database would run everything twice.
 *
 * @throws AppError `history-conflict`
 */
async function refuseLostNames(database: Queryable, tables: LedgerTables): Promise<void> {
  const { rows } = await database.query(
    `SELECT count(*)::int AS applied
       FROM (SELECT DISTINCT ON (name) state FROM ${tables.runs} WHERE state IN ('applied', 'reverted') ORDER BY name, id DESC) newest
      WHERE state = 'applied'`,
  );
  const { applied } = rows[0] as { applied: number };
  if (applied === 0) return;
  throw new AppError(
    "history-conflict",
    `The table ${tables.migrations} is gone, and ${tables.runs} records ${applied} ${applied === 1 ? "migration" : "migrations"} as applied. ` +
      `Restore it from a backup; or, if this database is to be built from nothing, drop ${tables.runs} too.`,
  );
}

function toState({ applied: rows, unfinished }: StateRow): LedgerState {
  const applied = new Map<string, AppliedMigration>();
  const duplicates = new Set<string>();
  for (const [name, at, checksum = null, directives] of rows ?? []) {
    if (applied.has(name)) duplicates.add(name);
    applied.set(name, {
      name,
      version: versionOf(name),
      checksum,
      directives: directives ?? {},
      appliedAt: at === null ? null : dateOf(at),
    });
  }
  return {
    applied: [...applied.values()].toSorted(byVersion),
    unfinished: (unfinished ?? []).map((run) => ({ ...run, startedAt: dateOf(run.startedAt) })),
    duplicates: [...duplicates],
  };
}

/** By name, how what is applied was applied; nothing of what Headgate did not apply. */
export async function readAppliedRuns(
  database: Queryable,
  { migrations, runs }: LedgerTables,
): Promise<ReadonlyMap<string, AppliedRun>> {
  try {
    const { rows } = await database.query(
      `SELECT DISTINCT ON (r.name) r.name, r.ran_ms::float8 AS "ranMs", r.role, r.host
         FROM ${runs} r JOIN ${migrations} m ON m.name = r.name
        WHERE r.state = 'applied' ORDER BY r.name, r.id DESC`,
    );
    return new Map((rows as (AppliedRun & { name: string })[]).map(({ name, ...run }) => [name, run]));
  } catch (error) {
    if (codeOf(error) === "42P01") return new Map();
    throw error;
  }
}

function dateOf(seconds: number): Date {
  return new Date(seconds * 1000);
}

export function versionOf(name: string): bigint | undefined {
  const digits = /^\d+/.exec(name)?.[0];
  return digits === undefined ? undefined : BigInt(digits);
}

function byVersion(a: AppliedMigration, b: AppliedMigration): number {
  const [left, right] = [a.version ?? -1n, b.version ?? -1n];
  return left < right ? -1 : left > right ? 1 : 0;
}
