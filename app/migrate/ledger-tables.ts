import { hash } from "node:crypto";
import pg from "pg";
import type { Config } from "../config/settings.ts";
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
  /** What earlier releases called the table of runs, where that is another name. */
  readonly legacyRuns: string | undefined;
  /** The table of names that had the same table of runs in earlier releases. */
  readonly sibling: string;
  /** Which of `addedColumns` may be written; none before `ensureLedger` has looked. */
  readonly columns: ReadonlySet<AddedColumn>;
}

export function ledgerTables({
  migrationsSchema,
  migrationsTable,
}: Pick<Config, "migrationsSchema" | "migrationsTable">): LedgerTables {
  const qualified = (table: string): string =>
    `${pg.escapeIdentifier(migrationsSchema)}.${pg.escapeIdentifier(table)}`;
  const [runs, legacyRuns] = [runsTableName(migrationsTable), legacyRunsTableName(migrationsTable)];
  return {
    schema: migrationsSchema,
    migrationsName: migrationsTable,
    migrations: qualified(migrationsTable),
    runs: qualified(runs),
    legacyRuns: runs === legacyRuns ? undefined : qualified(legacyRuns),
    sibling: qualified(migrationsTable.endsWith("s") ? migrationsTable.slice(0, -1) : `${migrationsTable}s`),
    columns: new Set(),
  };
}

/** The names of the ledger's tables, without a schema; those of earlier releases among them. */
export function ledgerTableNames(migrationsTable: string): ReadonlySet<string> {
  return new Set([migrationsTable, runsTableName(migrationsTable), legacyRunsTableName(migrationsTable)]);
}

const longestName = 63;

/**
 * `schema_migrations` is kept beside `schema_migration_runs`. A name without that ending, or one that PostgreSQL would
 * cut, gets a table of runs that no other name can have.
 */
function runsTableName(migrationsTable: string): string {
  const plain = legacyRunsTableName(migrationsTable);
  if (migrationsTable.endsWith("s") && plain.length === migrationsTable.length - 1 + "_runs".length)
    return plain;
  const name = `${migrationsTable}_run_history`;
  if (name.length <= longestName) return name;
  const sum = hash("sha256", migrationsTable).slice(0, 8);
  return `${migrationsTable.slice(0, longestName - "_12345678_runs".length)}_${sum}_runs`;
}

/** As earlier releases named it: two names that differ in a final s, or far behind, had one table of runs. */
function legacyRunsTableName(migrationsTable: string): string {
  return `${migrationsTable.replace(/s$/, "").slice(0, longestName - "_runs".length)}_runs`;
}

/**
 * The tables with the name that the table of runs has in this database: one that an earlier release made keeps its name,
 * unless another ledger has a claim to it. Asks the server only for names that earlier releases handled otherwise.
 */
export async function resolveLedgerTables(database: Queryable, tables: LedgerTables): Promise<LedgerTables> {
  const { legacyRuns, migrations, sibling } = tables;
  if (legacyRuns === undefined) return tables;
  const { rows } = await database.query(
    `SELECT pg_catalog.to_regclass($1) IS NULL AND pg_catalog.to_regclass($2) IS NOT NULL
            AND pg_catalog.to_regclass($3) IS NOT NULL AND pg_catalog.to_regclass($4) IS NULL AS legacy`,
    [tables.runs, legacyRuns, migrations, sibling],
  );
  const { legacy } = rows[0] as { legacy: boolean };
  return legacy ? { ...tables, runs: legacyRuns } : tables;
}

/**
 * Columns that ledgers of earlier releases lack, with their types. `ensureLedger` adds them; readers and writers work
 * without them.
 *
 * `state` has only the values that every release knows (running, applied, reverted, failed), so that an older image
 * reads what a newer one wrote. How a run ended that did not succeed is in `ending`.
 */
export const addedColumns = {
  /** The user of the operating system. */
  operator: "text",
  /** Of a run that did not succeed: `failed`, `stopped` (told to), `interrupted` (its process or connection ended). */
  ending: "text",
  /** `redo`: the run is half of a redo, which is complete when the migration is applied again. */
  intent: "text",
  /** Why the run must not be resumed behind the statements that are done. */
  resume_blocked: "text",
  /** The backend that runs it; the pair is unique on one server. */
  backend_pid: "integer",
  backend_start: "timestamptz",
} as const;

export type AddedColumn = keyof typeof addedColumns;

/** SQL, true when the table whose name is this parameter has the column. */
export function hasColumn(parameter: string, column: AddedColumn): string {
  return `EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = pg_catalog.to_regclass(${parameter}) AND a.attname::text = '${column}'::text AND NOT a.attisdropped)`;
}

/** The statements that make the ledger, for each part that may be missing. */
export interface LedgerDefinition {
  readonly schema: string;
  readonly migrations: string;
  /** Keeps a second runner from recording a migration again, whatever became of the lock. */
  readonly uniqueNames: string;
  readonly runs: readonly string[];
}

export function ledgerDefinition(tables: LedgerTables): LedgerDefinition {
  return {
    schema: `CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(tables.schema)}`,
    migrations: migrationsDefinition(tables),
    uniqueNames: `CREATE UNIQUE INDEX ON ${tables.migrations} (name)`,
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
      headgate_version text NOT NULL,
      image_revision text NOT NULL,
      error jsonb,
      ${Object.entries(addedColumns)
        .map(([name, type]) => `${name} ${type}`)
        .join(", ")})`,
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
  // Loaded here: a start that finds its ledger must not pay for it.
  const { howToAdopt, toolOf } = await import("./foreign/tools.ts");
  const { readTableShapes } = await import("./foreign/tables.ts");
  const { rows } = await database.query(
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    [tables.migrations],
  );
  const columns = (rows as { attname: string }[]).map(({ attname }) => attname);
  const found = { schema: tables.schema, name: tables.migrationsName, columns };
  const tool = toolOf(found, await readTableShapes(database));
  const elsewhere = "set MIGRATIONS_TABLE or MIGRATIONS_SCHEMA to keep Headgate's ledger elsewhere";
  const advice =
    tool === undefined
      ? `S${elsewhere.slice(1)}.`
      : tool.read === undefined
        ? `It looks like ${tool.id}'s: ${elsewhere}, and then ${howToAdopt(tool)}.`
        : `It looks like ${tool.id}'s: ${howToAdopt(tool)}. Or ${elsewhere}.`;
  throw new AppError(
    "history-conflict",
    `The table ${tables.migrations} belongs to another tool (columns ${columns.join(", ")}). ${advice}`,
    { details: { columns, ...(tool === undefined ? {} : { tool: tool.id }) } },
  );
}
