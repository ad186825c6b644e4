import { catalogueQueries } from "./queries.ts";
import { withMembers, type CatalogueQuery } from "./query-parts.ts";

/** The least that reading needs: one connection, not a pool, since the read is one transaction. */
export interface CatalogueSource {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** One thing that a schema consists of. */
export interface CatalogueEntry {
  /** `table`, `column`, `constraint`, `index` … */
  readonly kind: string;
  /** Its full name, which no other entry of its kind has: `public.orders.total`. */
  readonly name: string;
  /** Everything about it that would make two schemas behave differently. */
  readonly definition: string;
}

/**
 * The whole schema of a database, ordered by kind and name, without what differs between two databases that were made
 * the same way: object identifiers, the order of columns, the names of NOT NULL constraints (PostgreSQL 18 gives them
 * some), where a sequence stands. Roles, tablespaces and other things of the whole server are not part of it, nor is
 * what an extension brought.
 *
 * Reads in a transaction of its own: the session must not be in one.
 */
export async function readCatalogue(source: CatalogueSource): Promise<CatalogueEntry[]> {
  await source.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    // With no other schema on the path every name in a definition is written with its schema.
    await source.query("SET LOCAL search_path = pg_catalog, pg_temp");
    const { rows } = await source.query(
      `${withMembers} SELECT kind, name, definition FROM (${catalogueQueries.map(selectAll).join(" UNION ALL ")}) AS entry (kind, name, definition)
        ORDER BY kind COLLATE "C", name COLLATE "C", definition COLLATE "C"`,
    );
    return rows as CatalogueEntry[];
  } finally {
    await source.query("ROLLBACK");
  }
}

function selectAll({ kind, name, definition, from, where }: CatalogueQuery): string {
  return `SELECT ${kind}, ${name}, ${definition} FROM ${from} WHERE ${where}`;
}
