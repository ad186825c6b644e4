import { catalogueQueries } from "./catalogue-queries.ts";

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

/** How one schema differs from another, as entries. */
export interface CatalogueDifference {
  readonly missing: readonly CatalogueEntry[];
  readonly extra: readonly CatalogueEntry[];
  readonly changed: readonly { readonly expected: CatalogueEntry; readonly found: CatalogueEntry }[];
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
    // With an empty path every name in a definition is written with its schema.
    await source.query("SET LOCAL search_path = ''");
    const { rows } = await source.query(
      `SELECT kind, name, definition FROM (${catalogueQueries.join(" UNION ALL ")}) AS entry (kind, name, definition)
        ORDER BY kind COLLATE "C", name COLLATE "C", definition COLLATE "C"`,
    );
    return rows as CatalogueEntry[];
  } finally {
    await source.query("ROLLBACK");
  }
}

/** Pure. Empty lists mean that both are the same. */
export function compareCatalogues(
  expected: readonly CatalogueEntry[],
  found: readonly CatalogueEntry[],
): CatalogueDifference {
  const key = ({ kind, name }: CatalogueEntry): string => `${kind} ${name}`;
  const foundByKey = new Map(found.map((entry) => [key(entry), entry]));
  const expectedKeys = new Set(expected.map(key));
  return {
    missing: expected.filter((entry) => !foundByKey.has(key(entry))),
    extra: found.filter((entry) => !expectedKeys.has(key(entry))),
    changed: expected.flatMap((entry) => {
      const other = foundByKey.get(key(entry));
      return other === undefined || other.definition === entry.definition
        ? []
        : [{ expected: entry, found: other }];
    }),
  };
}
