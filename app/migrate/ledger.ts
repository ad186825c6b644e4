import { codeOf } from "../database/sqlstate.ts";
import { AppError } from "../errors.ts";
import type { Directives } from "./directives.ts";
import { hasOperatorColumn, refuseForeignTable, type LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";

export interface AppliedMigration {
  readonly name: string;
  /** Undefined where the name has no number in front. */
  readonly version: bigint | undefined;
  /** Null where nobody recorded one: applied by node-pg-migrate itself, or by another tool before an adoption. */
  readonly checksum: string | null;
  readonly directives: StoredDirectives;
  /** ISO 8601 with an offset; null where nobody recorded it. */
  readonly appliedAt: string | null;
}

/** How a migration was applied; only some commands show it. */
export interface AppliedRun {
  readonly appliedAt: Date | null;
  readonly ranMs: number | null;
  readonly role: string | null;
  readonly host: string | null;
  /** The user of the operating system. */
  readonly operator: string | null;
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
 * Ours in one read: applied names, the runs that applied something, and what was begun and not finished. One row of
 * JSON without joins, since every start pays for it: a thousand rows of their own cost three times as much.
 */
function stateQuery({ migrations, runs }: LedgerTables): string {
  return `
    SELECT (SELECT json_agg(name) FROM ${migrations}) AS names,
           (SELECT json_agg(json_build_array(name, checksum, finished_at, nullif(directives, '{}')) ORDER BY id) FROM ${runs} WHERE state = 'applied') AS runs,
           (SELECT json_agg(json_build_object('id', u.id::text, 'name', u.name, 'direction', u.direction, 'state', u.state, 'checksum', u.checksum,
                     'statementsDone', u.statements_done, 'statementsTotal', u.statements_total, 'statementStarted', u.statement_started,
                     'startedAt', u.started_at, 'host', u.host))
              ${fromUnfinished(runs)}) AS unfinished`;
}

/** SQL, `FROM … u WHERE …`: the runs outside a transaction that began and did not finish, and were not taken up again. */
export function fromUnfinished(runs: string): string {
  return `FROM ${runs} u
             WHERE (u.state = 'running' OR (u.state = 'failed' AND (u.statements_done > 0 OR u.statement_started IS NOT NULL)))
               AND NOT EXISTS (SELECT FROM ${runs} later WHERE later.name = u.name AND later.id > u.id)`;
}

/** Of several runs of one name the last one counts. */
interface StateRow {
  readonly names: readonly string[] | null;
  readonly runs: readonly (readonly [string, string | null, string, StoredDirectives | null])[] | null;
  readonly unfinished: readonly (Omit<UnfinishedRun, "startedAt"> & { readonly startedAt: string })[] | null;
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
      `SELECT json_agg(name) AS names, NULL AS runs, NULL AS unfinished, count(run_on) AS ours FROM ${tables.migrations}`,
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

function toState({ names, runs, unfinished }: StateRow): LedgerState {
  const runOf = new Map((runs ?? []).map((run) => [run[0], run]));
  const applied = new Map<string, AppliedMigration>();
  const duplicates = new Set<string>();
  for (const name of names ?? []) {
    if (applied.has(name)) duplicates.add(name);
    const run = runOf.get(name);
    applied.set(name, {
      name,
      // Rarely asked for: computed then.
      get version() {
        return versionOf(name);
      },
      checksum: run?.[1] ?? null,
      directives: run?.[3] ?? {},
      appliedAt: run?.[2] ?? null,
    });
  }
  return {
    applied: isInOrder(names ?? []) ? [...applied.values()] : [...applied.values()].toSorted(byVersion),
    unfinished: (unfinished ?? []).map((run) => ({ ...run, startedAt: new Date(run.startedAt) })),
    duplicates: [...duplicates],
  };
}

/** Whether the names ascend and their numbers have one width, as in nearly every ledger; else they must be sorted. */
function isInOrder(names: readonly string[]): boolean {
  const width = names[0]?.indexOf("_");
  let last = "";
  for (const name of names) {
    if (name <= last || name.indexOf("_") !== width) return false;
    last = name;
  }
  return true;
}

/** By name, how what is applied was applied: of what Headgate did not apply, the table of names knows only when. */
export async function readAppliedRuns(
  database: Queryable,
  { migrations, runs }: LedgerTables,
): Promise<ReadonlyMap<string, AppliedRun>> {
  const { rows: found } = await database.query(
    `SELECT to_regclass($1) IS NOT NULL AS names, to_regclass($2) IS NOT NULL AS runs, ${hasOperatorColumn("$2")} AS operator`,
    [migrations, runs],
  );
  const exists = found[0] as { names: boolean; runs: boolean; operator: boolean };
  if (!exists.names) return new Map();
  const { rows } = await database.query(
    exists.runs
      ? `SELECT DISTINCT ON (m.name) m.name, coalesce(r.finished_at, m.run_on::timestamptz) AS "appliedAt", r.ran_ms::float8 AS "ranMs", r.role, r.host, ${exists.operator ? "r.operator" : "NULL AS operator"}
           FROM ${migrations} m LEFT JOIN ${runs} r ON r.name = m.name AND r.state = 'applied' ORDER BY m.name, r.id DESC`
      : `SELECT name, run_on::timestamptz AS "appliedAt", NULL AS "ranMs", NULL AS role, NULL AS host, NULL AS operator FROM ${migrations}`,
  );
  return new Map((rows as (AppliedRun & { name: string })[]).map(({ name, ...run }) => [name, run]));
}

export function versionOf(name: string): bigint | undefined {
  const digits = /^\d+/.exec(name)?.[0];
  return digits === undefined ? undefined : BigInt(digits);
}

function byVersion(a: AppliedMigration, b: AppliedMigration): number {
  const left = a.version ?? -1n;
  const right = b.version ?? -1n;
  return left < right ? -1 : left > right ? 1 : 0;
}
