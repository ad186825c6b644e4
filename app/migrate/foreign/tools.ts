import type { Reader } from "./entry.ts";
import * as read from "./histories.ts";

/** A tool by the table that it keeps its history in. The one description for whoever meets such a table. */
export interface ForeignTool {
  /** The word for `--adopt`, or the tool's name. */
  readonly id: string;
  /** What its table is called; without one, the columns alone tell it. */
  readonly tables?: readonly string[];
  /** Columns that its table has. */
  readonly columns: readonly string[];
  /** It has no other column. */
  readonly exactly?: true;
  /** A schema of its own, which is looked at wherever migrations create. */
  readonly schema?: string;
  /** A table that stands beside it, which tells it from a tool with the same columns. */
  readonly beside?: string;
  /** How its history is taken over; without it, only `migrate baseline VERSION` does. */
  readonly read?: Reader;
}

/** In the order in which they are tried: the narrower description first. */
export const foreignTools = [
  { id: "golang-migrate", columns: ["version", "dirty"], exactly: true, read: read.golangMigrate },
  { id: "flyway", columns: ["installed_rank", "version", "description", "success"], read: read.flyway },
  { id: "alembic", columns: ["version_num"], exactly: true, read: read.alembic },
  {
    id: "rails",
    tables: ["schema_migrations"],
    columns: ["version"],
    exactly: true,
    beside: "ar_internal_metadata",
    read: read.versions,
  },
  { id: "dbmate", tables: ["schema_migrations"], columns: ["version"], exactly: true, read: read.versions },
  { id: "knex", columns: ["id", "name", "batch", "migration_time"], exactly: true, read: read.knex },
  { id: "prisma", columns: ["migration_name", "finished_at", "rolled_back_at"], read: read.prisma },
  {
    id: "node-pg-migrate",
    tables: ["pgmigrations", "schema_migrations", "migrations"],
    columns: ["id", "name", "run_on"],
    exactly: true,
    read: read.nodePgMigrate,
  },
  { id: "sequelize", tables: ["SequelizeMeta"], columns: ["name"], read: read.names },
  { id: "umzug", tables: ["SequelizeMeta"], columns: ["name"], read: read.names },
  {
    id: "typeorm",
    tables: ["migrations", "typeorm_migrations", "migrations_typeorm"],
    columns: ["id", "timestamp", "name"],
    exactly: true,
    read: read.typeorm,
  },
  {
    id: "drizzle",
    tables: ["__drizzle_migrations"],
    columns: ["id", "hash", "created_at"],
    schema: "drizzle",
    read: read.drizzle,
  },
  {
    id: "sqitch",
    tables: ["changes"],
    columns: ["change_id", "change", "project", "committed_at", "planned_at"],
    schema: "sqitch",
    read: read.sqitch,
  },
  { id: "goose", columns: ["id", "version_id", "is_applied", "tstamp"], exactly: true, read: read.goose },
  {
    id: "sqlx",
    tables: ["_sqlx_migrations"],
    columns: ["version", "description", "success", "checksum"],
    read: read.sqlx,
  },
  {
    id: "diesel",
    tables: ["__diesel_schema_migrations"],
    columns: ["version", "run_on"],
    read: read.versions,
  },
  { id: "kysely", tables: ["kysely_migration"], columns: ["name", "timestamp"], read: read.names },
  { id: "liquibase", tables: ["databasechangelog"], columns: ["id", "author", "filename"] },
  { id: "entity-framework", columns: ["MigrationId", "ProductVersion"] },
  { id: "django", tables: ["django_migrations"], columns: ["app", "name", "applied"] },
  { id: "mikro-orm", tables: ["mikro_orm_migrations"], columns: ["name", "executed_at"] },
  {
    id: "atlas",
    tables: ["atlas_schema_revisions"],
    columns: ["version", "applied", "total"],
    schema: "atlas_schema_revisions",
  },
  {
    id: "graphile-migrate",
    tables: ["migrations"],
    columns: ["hash", "previous_hash", "filename"],
    schema: "graphile_migrate",
  },
  { id: "tern", tables: ["schema_version"], columns: ["version"], exactly: true },
  { id: "sql-migrate", tables: ["gorp_migrations"], columns: ["id", "applied_at"] },
  { id: "ecto", tables: ["schema_migrations"], columns: ["version", "inserted_at"], exactly: true },
  {
    id: "supabase",
    tables: ["schema_migrations"],
    columns: ["version", "statements"],
    schema: "supabase_migrations",
  },
  { id: "migratus", tables: ["schema_migrations"], columns: ["id", "applied", "description"] },
  { id: "sequel", tables: ["schema_migrations"], columns: ["filename"], exactly: true },
  { id: "refinery", tables: ["refinery_schema_history"], columns: ["version", "name", "applied_on"] },
  { id: "sea-orm", tables: ["seaql_migrations"], columns: ["version", "applied_at"] },
  { id: "bun", tables: ["bun_migrations"], columns: ["name", "group_id", "migrated_at"] },
  { id: "laravel", tables: ["migrations"], columns: ["id", "migration", "batch"], exactly: true },
  { id: "doctrine", tables: ["doctrine_migration_versions"], columns: ["version", "executed_at"] },
  { id: "phinx", tables: ["phinxlog"], columns: ["version", "migration_name", "breakpoint"] },
  { id: "yoyo", tables: ["_yoyo_migration"], columns: ["migration_hash", "migration_id"] },
  {
    id: "postgres-migrations",
    tables: ["migrations"],
    columns: ["id", "name", "hash", "executed_at"],
    exactly: true,
  },
  { id: "mybatis", tables: ["changelog"], columns: ["id", "applied_at", "description"] },
  { id: "dbup", tables: ["schemaversions"], columns: ["scriptname", "applied"] },
  { id: "fluentmigrator", tables: ["VersionInfo"], columns: ["Version", "AppliedOn"] },
] as const satisfies readonly ForeignTool[];

type Adoptable<T> = T extends { readonly id: infer Id; readonly read: Reader } ? Id : never;
export type AdoptableTool = Adoptable<(typeof foreignTools)[number]>;

export const adoptableTools = foreignTools.flatMap((tool) => ("read" in tool ? [tool.id] : []));

/** A table with the names of its columns. */
export interface TableShape {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
}

/**
 * The tool whose history this table looks like.
 *
 * @param among the tables of the database: some tools are told by a second one
 */
export function toolOf(table: TableShape, among: readonly TableShape[]): ForeignTool | undefined {
  return foreignTools.find((tool) => isTableOf(tool, table, among));
}

export function isTableOf(tool: ForeignTool, table: TableShape, among: readonly TableShape[]): boolean {
  const { tables, columns, exactly = false, beside } = tool;
  const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  return (
    (tables === undefined || tables.some((name) => isSame(name, table.name))) &&
    columns.every((column) => table.columns.some((one) => isSame(one, column))) &&
    (!exactly || table.columns.length === columns.length) &&
    (beside === undefined || among.some(({ schema, name }) => schema === table.schema && name === beside))
  );
}

/** How a person goes on from this tool's history to ours. */
export function howToAdopt({ id, read: reader }: ForeignTool): string {
  return reader === undefined
    ? "`migrate baseline VERSION` records what is applied, up to that version"
    : `\`migrate baseline --adopt ${id}\` takes its history over`;
}
