import pg from "pg";
import type { Config } from "../config/settings.ts";
import { codeOf } from "../database/sqlstate.ts";
import { AppError } from "../errors.ts";
import type { Queryable } from "./queryable.ts";

/** The two tables of the ledger, as they are written in SQL. */
export interface LedgerTables {
  readonly schema: string;
  /** node-pg-migrate's table of applied names. */
  readonly migrationsName: string;
  /** Quoted and qualified. */
  readonly migrations: string;
  /** Headgate's own: every run with all that is known about it. */
  readonly runs: string;
  /** Whether a run may be written with its operator; said by `ensureLedger`. */
  readonly recordsOperator?: boolean;
}

export function ledgerTables({
  migrationsSchema,
  migrationsTable,
}: Pick<Config, "migrationsSchema" | "migrationsTable">): LedgerTables {
  const qualified = (table: string): string =>
    `${pg.escapeIdentifier(migrationsSchema)}.${pg.escapeIdentifier(table)}`;
  return {
    schema: migrationsSchema,
    migrationsName: migrationsTable,
    migrations: qualified(migrationsTable),
    runs: qualified(runsTableName(migrationsTable)),
  };
}

/** `schema_migrations` is kept beside `schema_migration_runs`, `app_migrations` beside `app_migration_runs`. */
function runsTableName(migrationsTable: string): string {
  const stem = migrationsTable.replace(/s$/, "");
  return `${stem.slice(0, 63 - "_runs".length)}_runs`;
}

/** SQL, true when the table of runs, whose name is this parameter, has the column for operators; older ones do not. */
export function hasOperatorColumn(parameter: string): string {
  return `EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = to_regclass(${parameter}) AND attname = 'operator' AND NOT attisdropped)`;
}

/**
 * Makes what is missing of the ledger, and returns its tables as they are then. The caller holds the migration lock.
 *
 * `state` of a run: `running` (a no-transaction migration that has begun), `applied`, `reverted`, `failed`. A run in a
 * transaction is written with that transaction, so it is never seen as `running`.
 *
 * A ledger of an earlier Headgate does not allow the direction `reset`. It never meets one: a reset drops it.
 */
export async function ensureLedger(database: Queryable, tables: LedgerTables): Promise<LedgerTables> {
  const { rows } = await database.query(
    `SELECT to_regnamespace($1) IS NOT NULL AS schema, to_regclass($2) IS NOT NULL AS migrations, to_regclass($3) IS NOT NULL AS runs,
            ${hasOperatorColumn("$3")} AS operator`,
    [pg.escapeIdentifier(tables.schema), tables.migrations, tables.runs],
  );
  const exists = rows[0] as { schema: boolean; migrations: boolean; runs: boolean; operator: boolean };
  const { schema, migrations, runs } = ledgerDefinition(tables);
  const missing = [
    ...(exists.schema ? [] : [schema]),
    ...(exists.migrations ? [] : [migrations]),
    ...(exists.runs ? [] : runs),
  ];
  // In one message, which is one transaction: whoever is killed here leaves all of it or nothing.
  if (missing.length > 0) await database.query(missing.join(";\n"));
  const recordsOperator = !exists.runs || exists.operator || (await addOperator(database, tables));
  return { ...tables, recordsOperator };
}

/**
 * Adds the column to a ledger from before operators were recorded. Where somebody reads that table for long, or it
 * belongs to another role, a later run may do it: no migration fails for want of it, and no reader queues up behind us.
 */
async function addOperator(database: Queryable, { runs }: LedgerTables): Promise<boolean> {
  try {
    await database.query(
      `SET LOCAL lock_timeout = '500ms'; ALTER TABLE ${runs} ADD COLUMN IF NOT EXISTS operator text`,
    );
    return true;
  } catch (error) {
    if (codeOf(error) === "55P03" || codeOf(error) === "42501") return false;
    throw error;
  }
}

/** The statements that make the ledger, for each part that may be missing. */
export interface LedgerDefinition {
  readonly schema: string;
  readonly migrations: string;
  readonly runs: readonly string[];
}

export function ledgerDefinition(tables: LedgerTables): LedgerDefinition {
  return {
    schema: `CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(tables.schema)}`,
    migrations: migrationsDefinition(tables),
    runs: runsDefinition(tables),
  };
}

/** The very columns that node-pg-migrate would make; made here so that both tables appear together. */
function migrationsDefinition({ migrations }: LedgerTables): string {
  return `CREATE TABLE ${migrations} (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)`;
}

function runsDefinition({ runs }: LedgerTables): string[] {
  return [
    `CREATE TABLE ${runs} (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      version numeric NOT NULL,
      name text NOT NULL,
      kind text NOT NULL CHECK (kind IN ('sql', 'code')),
      direction text NOT NULL CHECK (direction IN ('up', 'down', 'baseline', 'repair', 'reset')),
      state text NOT NULL CHECK (state IN ('running', 'applied', 'reverted', 'failed')),
      checksum text,
      up_text text,
      down_text text,
      down_checksum text,
      directives jsonb NOT NULL DEFAULT '{}',
      statements_done integer NOT NULL DEFAULT 0,
      statements_total integer,
      statement_started integer,
      rows_changed bigint,
      attempts integer NOT NULL DEFAULT 1,
      waited_ms bigint NOT NULL DEFAULT 0,
      ran_ms bigint,
      started_at timestamptz NOT NULL,
      finished_at timestamptz,
      role text NOT NULL DEFAULT current_user,
      host text NOT NULL,
      operator text,
      headgate_version text NOT NULL,
      image_revision text NOT NULL,
      error jsonb)`,
    `CREATE INDEX ON ${runs} (name, id DESC)`,
    `COMMENT ON TABLE ${runs} IS 'Every run of a migration, written by Headgate. Never edit it; see "migrate repair".'`,
  ];
}

/**
 * Explains a table of our name that another tool made.
 *
 * @throws AppError `history-conflict`
 */
export async function refuseForeignTable(database: Queryable, tables: LedgerTables): Promise<never> {
  const { rows } = await database.query(
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    [tables.migrations],
  );
  const columns = (rows as { attname: string }[]).map(({ attname }) => attname);
  const tool = knownTool(columns);
  const adopt =
    tool === undefined
      ? ""
      : ` It looks like ${tool}'s: \`migrate baseline --adopt ${tool}\` takes its history over.`;
  throw new AppError(
    "history-conflict",
    `The table ${tables.migrations} belongs to another tool (columns ${columns.join(", ")}).${adopt} ` +
      "Or set MIGRATIONS_TABLE or MIGRATIONS_SCHEMA to keep Headgate's ledger elsewhere.",
    { details: { columns, ...(tool === undefined ? {} : { tool }) } },
  );
}

function knownTool(columns: readonly string[]): string | undefined {
  if (columns.includes("version") && columns.includes("dirty")) return "golang-migrate";
  if (columns.length === 1 && columns[0] === "version") return "dbmate";
  if (columns.includes("installed_rank")) return "flyway";
  if (columns.includes("version_num")) return "alembic";
  if (columns.includes("migration_name") && columns.includes("applied_steps_count")) return "prisma";
  if (columns.includes("batch") && columns.includes("migration_time")) return "knex";
  return undefined;
}
