import pg from "pg";
import { AppError } from "../errors.ts";
import type { KnownMigration } from "./history.ts";
import type { Queryable } from "./queryable.ts";

export const adoptableTools = [
  "golang-migrate",
  "flyway",
  "alembic",
  "dbmate",
  "knex",
  "prisma",
  "node-pg-migrate",
] as const;
export type AdoptableTool = (typeof adoptableTools)[number];

/** What another tool's table says is applied. */
export interface ForeignHistory {
  /** Quoted and qualified. */
  readonly table: string;
  /** The table's own name. */
  readonly tableName: string;
  /** What is applied, as this tool writes it. */
  readonly entries: readonly string[];
}

interface Tool {
  readonly tables: readonly string[];
  /** Columns that must be there, so that a table of the same name is not mistaken. */
  readonly columns: readonly string[];
  /** Reads what is applied; throws what stands in the way. */
  read(rows: readonly Record<string, unknown>[]): string[];
}

const tools: Readonly<Record<AdoptableTool, Tool>> = {
  "golang-migrate": {
    tables: ["schema_migrations"],
    columns: ["version", "dirty"],
    read(rows) {
      if (rows.some(({ dirty }) => dirty === true))
        throw notClean("golang-migrate", "is marked dirty", "repair it and run its `force` first");
      return rows.map(({ version }) => `..${String(version)}`);
    },
  },
  flyway: {
    tables: ["flyway_schema_history", "schema_version"],
    columns: ["installed_rank", "version", "success"],
    read(rows) {
      if (rows.some(({ success }) => success === false))
        throw notClean("flyway", "holds a failed migration", "run its `repair` first");
      return rows.filter(({ version }) => version !== null).map(({ version }) => String(version));
    },
  },
  alembic: {
    tables: ["alembic_version"],
    columns: ["version_num"],
    read: (rows) => rows.map((row) => String(row["version_num"])),
  },
  dbmate: {
    tables: ["schema_migrations"],
    columns: ["version"],
    read: (rows) => rows.map(({ version }) => String(version)),
  },
  knex: {
    tables: ["knex_migrations"],
    columns: ["name", "batch"],
    read: (rows) => rows.map(({ name }) => String(name)),
  },
  prisma: {
    tables: ["_prisma_migrations"],
    columns: ["migration_name", "finished_at", "rolled_back_at"],
    read(rows) {
      const kept = rows.filter((row) => row["rolled_back_at"] === null);
      if (kept.some((row) => row["finished_at"] === null))
        throw notClean("prisma", "holds a failed migration", "run `prisma migrate resolve` first");
      return kept.map((row) => String(row["migration_name"]));
    },
  },
  "node-pg-migrate": {
    tables: ["pgmigrations"],
    columns: ["name", "run_on"],
    read: (rows) => rows.map(({ name }) => String(name)),
  },
};

function notClean(tool: string, what: string, advice: string): AppError {
  return new AppError(
    "history-conflict",
    `The history of ${tool} ${what}; ${advice}. Nothing was taken over.`,
  );
}

/**
 * Finds and reads the history that a tool left.
 *
 * @throws AppError `history-conflict` when there is none, or when it is not in a state to be taken over
 */
export async function readForeignHistory(
  database: Queryable,
  tool: AdoptableTool,
  schema: string,
): Promise<ForeignHistory> {
  const { tables, columns } = tools[tool];
  for (const tableName of tables) {
    for (const place of new Set([schema, "public"])) {
      const table = `${pg.escapeIdentifier(place)}.${pg.escapeIdentifier(tableName)}`;
      const { rows } = await database.query(
        "SELECT count(*)::int AS count FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = ANY($2) AND NOT attisdropped",
        [table, [...columns]],
      );
      if ((rows[0] as { count: number }).count !== columns.length) continue;
      const content = await database.query(`SELECT * FROM ${table}`);
      return { table, tableName, entries: tools[tool].read(content.rows as Record<string, unknown>[]) };
    }
  }
  throw new AppError(
    "history-conflict",
    `There is no history of ${tool} here: no table ${tables.join(" or ")} with the columns ${columns.join(", ")}.`,
  );
}

/**
 * The migrations of this image that a foreign history says are applied.
 *
 * @param at for a tool whose revisions have no order that shows (alembic): the newest applied version
 * @throws AppError `history-conflict` when an entry has no file here, or more than one
 */
export function matchForeignHistory(
  tool: AdoptableTool,
  { entries }: ForeignHistory,
  known: readonly KnownMigration[],
  at: bigint | undefined,
): KnownMigration[] {
  if (at !== undefined) return known.filter(({ version }) => version <= at);
  const matched = new Set<KnownMigration>();
  const unmatched: string[] = [];
  for (const entry of entries) {
    // golang-migrate keeps one number, and everything up to it is applied.
    const upTo = entry.startsWith("..") ? BigInt(entry.slice(2)) : undefined;
    const found =
      upTo === undefined ? findFile(tool, entry, known) : known.find(({ version }) => version === upTo);
    if (found === undefined) unmatched.push(entry.replace("..", "version "));
    else
      for (const file of upTo === undefined ? [found] : known.filter(({ version }) => version <= upTo))
        matched.add(file);
  }
  if (unmatched.length > 0) {
    throw new AppError(
      "history-conflict",
      `${tool} has applied what this image has no file of: ${unmatched.slice(0, 5).join(", ")}${unmatched.length > 5 ? ` and ${unmatched.length - 5} more` : ""}. ` +
        "Add the files under the same numbers, or say how far the schema is: migrate baseline VERSION --adopt " +
        tool +
        ".",
    );
  }
  return known.filter((file) => matched.has(file));
}

function findFile(
  tool: AdoptableTool,
  entry: string,
  known: readonly KnownMigration[],
): KnownMigration | undefined {
  if (tool === "alembic") {
    // A revision is a hash; where the files carry it in their names, it says how far the schema is.
    const named = known.filter(({ name }) => name.includes(entry));
    return named.length === 1 ? named[0] : undefined;
  }
  const digits = /^\d+/.exec(entry)?.[0];
  // Flyway's 1.1 and the like are no whole numbers.
  if (digits === undefined || /^\d+[.]\d/.test(entry)) return undefined;
  return (
    known.find(({ name }) => name === entry.replace(/\.[a-z.]+$/i, "")) ??
    known.find(({ version }) => version === BigInt(digits))
  );
}
