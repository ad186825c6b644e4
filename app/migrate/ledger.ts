import { codeOf } from "../database/sqlstate.ts";
import { AppError } from "../errors.ts";
import type { Directives } from "./directives.ts";
import { oddRelations, refuseOddLedger, refuseOddRelations, type OddRelation } from "./ledger-shape.ts";
import { readFromLedger } from "./ledger-wait.ts";
import { refuseForeignTable, type LedgerTables } from "./ledger-tables.ts";
import type { Queryable } from "./queryable.ts";
import type { Ending } from "./run-record.ts";

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

/** A migration outside a transaction that began and did not finish. */
export interface UnfinishedRun {
  readonly id: string;
  readonly name: string;
  readonly direction: "up" | "down";
  /** `running`: by its own word; whoever holds the migration lock knows that it is not. */
  readonly state: "running" | Ending;
  readonly checksum: string | null;
  readonly statementsDone: number;
  readonly statementsTotal: number | null;
  /** The statement, from 0, that was being executed; statements behind `statementsDone` have no effect yet. */
  readonly statementStarted: number | null;
  readonly startedAt: Date;
  readonly host: string;
  /** It is half of a redo. */
  readonly isRedo: boolean;
  /** Why a resume behind the statements that are done would be wrong. */
  readonly resumeBlocked: string | null;
  /** A migration below it that was reverted after it had begun: what is done may have been undone with that. */
  readonly undermined: string | null;
}

/** The two tables of the ledger say different things of a migration. */
export interface Contradiction {
  readonly name: string;
  /** `lost`: our run says applied, and the name is not there. `revived`: our run says reverted, and the name is there. */
  readonly kind: "lost" | "revived";
}

/** What has happened to a database. Every command that changes something reads all of it and decides on it. */
export interface LedgerState {
  readonly applied: readonly AppliedMigration[];
  readonly unfinished: readonly UnfinishedRun[];
  /** Names that stand in node-pg-migrate's table more than once. */
  readonly duplicates: readonly string[];
  readonly contradictions: readonly Contradiction[];
  /** A migration that a redo has reverted and not applied again. */
  readonly openRedo: string | undefined;
}

/** Of a database without a ledger. A ledger in which nothing is applied is another value. */
export const emptyLedger: LedgerState = {
  applied: [],
  unfinished: [],
  duplicates: [],
  contradictions: [],
  openRedo: undefined,
};

/** What of the directives the ledger keeps. */
export type StoredDirectives = Partial<
  Pick<Directives, "noTransaction" | "deferred" | "breaking" | "secret"> & {
    irreversible: string;
    repeatUntilZero: boolean;
  }
>;

export function storedDirectives(directives: Directives | StoredDirectives): StoredDirectives {
  return {
    ...(directives.noTransaction ? { noTransaction: true } : {}),
    ...(directives.deferred ? { deferred: true } : {}),
    ...(directives.breaking ? { breaking: true } : {}),
    ...(directives.secret ? { secret: true } : {}),
    ...(directives.irreversible === undefined ? {} : { irreversible: directives.irreversible }),
    ...(directives.repeatUntilZero ? { repeatUntilZero: true } : {}),
  };
}

/**
 * The whole state in one read. One row of JSON without joins, since every start that is not at head pays for it: a
 * thousand rows of their own cost three times as much. Columns that older ledgers lack are read by way of the row as a
 * whole, of few rows only.
 */
function stateQuery(tables: LedgerTables): string {
  const { migrations, runs } = tables;
  return `
    SELECT (SELECT pg_catalog.json_agg(m.name::text) FROM ${migrations} m) AS names,
           (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(r.name, r.checksum, r.finished_at, nullif(r.directives, '{}'::jsonb),
                     CASE WHEN r.state = 'reverted' THEN 'reverted'::text WHEN r.direction = 'repair' AND r.up_text IS NULL THEN 'restated'::text WHEN r.direction = 'repair' THEN 'repaired'::text END) ORDER BY r.id)
              FROM ${runs} r WHERE r.state IN ('applied', 'reverted')) AS runs,
           (SELECT pg_catalog.json_agg(pg_catalog.json_build_object('id', u.id::text, 'name', u.name, 'direction', u.direction, 'state', u.state, 'checksum', u.checksum,
                     'statementsDone', u.statements_done, 'statementsTotal', u.statements_total, 'statementStarted', u.statement_started,
                     'startedAt', u.started_at, 'host', u.host,
                     'ending', pg_catalog.to_jsonb(u) ->> 'ending', 'isRedo', coalesce(pg_catalog.to_jsonb(u) ->> 'intent' = 'redo', false),
                     'resumeBlocked', pg_catalog.to_jsonb(u) ->> 'resume_blocked',
                     'undermined', (SELECT pg_catalog.min(b.name) FROM ${runs} b WHERE b.id > u.id AND b.state = 'reverted' AND b.direction = 'down'
                                       AND u.direction = 'up' AND u.statements_done > 0 AND b.version < u.version)) ORDER BY u.id)
              ${fromUnfinished(runs)}) AS unfinished,
           (SELECT d.name FROM ${runs} d
             WHERE d.state = 'reverted' AND d.direction = 'down' AND pg_catalog.to_jsonb(d) ->> 'intent' = 'redo'
               AND NOT EXISTS (SELECT FROM ${runs} later WHERE later.name = d.name AND later.id > d.id AND later.state IN ('applied', 'reverted'))
             ORDER BY d.id DESC LIMIT 1) AS "openRedo",
           ${oddRelations(tables)} AS odd`;
}

/**
 * SQL, `FROM … u WHERE …`: the runs outside a transaction that began and did not finish, and were not taken up again. A
 * later run in a transaction that failed and was rolled back is none that has taken it up.
 */
export function fromUnfinished(runs: string): string {
  return `FROM ${runs} u
             WHERE (u.state = 'running' OR (u.state = 'failed' AND (u.statements_done > 0 OR u.statement_started IS NOT NULL)))
               AND NOT EXISTS (SELECT FROM ${runs} later WHERE later.name = u.name AND later.id > u.id
                                  AND NOT (later.state = 'failed' AND later.directives ->> 'noTransaction' IS NULL))`;
}

type RunTuple = readonly [
  name: string,
  checksum: string | null,
  finishedAt: string,
  directives: StoredDirectives | null,
  /** `restated`: a repair that kept no text, by an earlier release. */
  kind: "reverted" | "repaired" | "restated" | null,
];

interface StateRow {
  readonly names: readonly string[] | null;
  readonly runs: readonly RunTuple[] | null;
  readonly unfinished: readonly UnfinishedRow[] | null;
  readonly openRedo: string | null;
  readonly odd?: readonly OddRelation[] | null;
}

interface UnfinishedRow extends Omit<UnfinishedRun, "startedAt" | "state"> {
  readonly startedAt: string;
  readonly state: "running" | "failed";
  readonly ending: Ending | null;
}

/**
 * Everything the ledger says, in one query where the ledger is complete. A database without one has an empty history.
 *
 * @throws AppError `history-conflict` when another tool owns a table of that name, or half of the ledger was dropped
 */
export async function readLedger(database: Queryable, tables: LedgerTables): Promise<LedgerState> {
  try {
    const [row] = (await readFromLedger(database, tables, stateQuery(tables))) as [StateRow];
    refuseOddRelations(row.odd ?? null);
    return await withoutSiblings(database, tables, toState(row));
  } catch (error) {
    if (unreadable.has(codeOf(error) ?? "")) await refuseOddLedger(database, tables);
    if (codeOf(error) === "42703") return await refuseForeignTable(database, tables);
    if (codeOf(error) !== "42P01") throw error;
  }
  return await readIncompleteLedger(database, tables);
}

/** wrong_object_type, undefined_column, undefined_table, undefined_function (an operator for another type). */
const unreadable: ReadonlySet<string> = new Set(["42809", "42703", "42P01", "42883"]);

/**
 * In earlier releases two tables of names that differ in a final s had one table of runs. What stands in the other one
 * is not lost from ours.
 */
async function withoutSiblings(
  database: Queryable,
  tables: LedgerTables,
  state: LedgerState,
): Promise<LedgerState> {
  if (!state.contradictions.some(({ kind }) => kind === "lost")) return state;
  const theirs = await readSiblingNames(database, tables);
  const contradictions = state.contradictions.filter(
    ({ name, kind }) => kind !== "lost" || !theirs.has(name),
  );
  return { ...state, contradictions };
}

async function readSiblingNames(
  database: Queryable,
  { sibling }: LedgerTables,
): Promise<ReadonlySet<string>> {
  const { rows: found } = await database.query(
    `SELECT pg_catalog.count(*) = 2 AS exists FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname::text IN ('name'::text, 'run_on'::text) AND NOT a.attisdropped`,
    [sibling],
  );
  if (!(found[0] as { exists: boolean }).exists) return new Set();
  const { rows } = await database.query(`SELECT e.name::text AS name FROM ${sibling} e`);
  return new Set((rows as { name: string }[]).map(({ name }) => name));
}

/** One of the tables is not there: nothing was ever applied, or only by node-pg-migrate without us. */
async function readIncompleteLedger(database: Queryable, tables: LedgerTables): Promise<LedgerState> {
  const found = await database.query(
    "SELECT pg_catalog.to_regclass($1) IS NOT NULL AS migrations, pg_catalog.to_regclass($2) IS NOT NULL AS runs",
    [tables.migrations, tables.runs],
  );
  const exists = found.rows[0] as { migrations: boolean; runs: boolean };
  if (!exists.migrations) {
    if (!exists.runs) return emptyLedger;
    await refuseLostNames(database, tables);
    return { ...emptyLedger };
  }
  try {
    const rows = await readFromLedger(
      database,
      tables,
      `SELECT pg_catalog.json_agg(name::text) AS names, NULL AS runs, NULL AS unfinished, NULL AS "openRedo", pg_catalog.count(run_on) AS ours FROM ${tables.migrations}`,
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
    `SELECT newest.name
       FROM (SELECT DISTINCT ON (r.name) r.name, r.state FROM ${tables.runs} r WHERE r.state IN ('applied', 'reverted') ORDER BY r.name, r.id DESC) newest
      WHERE newest.state = 'applied'`,
  );
  const theirs = await readSiblingNames(database, tables);
  const applied = (rows as { name: string }[]).filter(({ name }) => !theirs.has(name)).length;
  if (applied === 0) return;
  throw new AppError(
    "history-conflict",
    `The table ${tables.migrations} is gone, and ${tables.runs} records ${applied} ${applied === 1 ? "migration" : "migrations"} as applied. ` +
      `Restore it from a backup${theirs.size > 0 ? "" : `; or, if this database is to be built from nothing, drop ${tables.runs} too`}.`,
  );
}

/** What the last settled run of each name says, and what earlier ones said that it does not repeat. */
interface SettledRun {
  readonly isApplied: boolean;
  readonly checksum: string | null;
  readonly directives: StoredDirectives;
  readonly appliedAt: string | null;
  readonly isRepair: boolean;
  /** Its place in the order of runs. */
  readonly place: number;
}

function toState({ names, runs, unfinished, openRedo }: StateRow): LedgerState {
  const settled = settledRuns(runs ?? []);
  const applied = new Map<string, AppliedMigration>();
  const duplicates = new Set<string>();
  const contradictions: Contradiction[] = [];
  for (const name of names ?? []) {
    if (applied.has(name)) duplicates.add(name);
    const run = settled.get(name);
    if (run?.isApplied === false && !duplicates.has(name)) contradictions.push({ name, kind: "revived" });
    applied.set(name, {
      name,
      // Rarely asked for: computed then.
      get version() {
        return versionOf(name);
      },
      checksum: run?.checksum ?? null,
      directives: run?.directives ?? {},
      appliedAt: run?.appliedAt ?? null,
    });
  }
  for (const [name, run] of settled)
    if (run.isApplied && !applied.has(name) && !wasMoved(name, run, settled, applied))
      contradictions.push({ name, kind: "lost" });
  return {
    applied: isInOrder(names ?? []) ? [...applied.values()] : [...applied.values()].toSorted(byVersion),
    unfinished: (unfinished ?? []).map(({ ending, ...run }) => ({
      ...run,
      state: ending ?? run.state,
      startedAt: new Date(run.startedAt),
    })),
    duplicates: [...duplicates],
    contradictions,
    openRedo: openRedo ?? undefined,
  };
}

/**
 * A repair by an earlier release kept no directives and no text, and no checksum where it had no file: what was recorded
 * before holds. When a migration was applied is what its run says, not a repair behind it.
 */
function settledRuns(runs: readonly RunTuple[]): Map<string, SettledRun> {
  const settled = new Map<string, SettledRun>();
  for (const [place, [name, checksum, finishedAt, directives, kind]] of runs.entries()) {
    const before = settled.get(name);
    const isRepair = kind === "repaired" || kind === "restated";
    settled.set(name, {
      isApplied: kind !== "reverted",
      checksum: checksum === null || checksum === "" ? (isRepair && before?.checksum) || null : checksum,
      directives: directives ?? (kind === "restated" ? (before?.directives ?? {}) : {}),
      appliedAt: isRepair && before?.isApplied ? before.appliedAt : finishedAt,
      isRepair,
      place,
    });
  }
  return settled;
}

/** Earlier releases gave a record another name without saying so of the old one. */
function wasMoved(
  name: string,
  { place }: SettledRun,
  settled: ReadonlyMap<string, SettledRun>,
  applied: ReadonlyMap<string, AppliedMigration>,
): boolean {
  const version = versionOf(name);
  return [...settled].some(
    ([other, run]) =>
      run.isApplied &&
      run.isRepair &&
      run.place > place &&
      applied.has(other) &&
      versionOf(other) === version,
  );
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

export function versionOf(name: string): bigint | undefined {
  const digits = /^\d+/.exec(name)?.[0];
  return digits === undefined ? undefined : BigInt(digits);
}

function byVersion(a: AppliedMigration, b: AppliedMigration): number {
  const left = a.version ?? -1n;
  const right = b.version ?? -1n;
  return left < right ? -1 : left > right ? 1 : 0;
}
