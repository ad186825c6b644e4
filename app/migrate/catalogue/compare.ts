import type { CatalogueEntry } from "./read.ts";

/** How one schema differs from another, as entries. */
export interface CatalogueDifference {
  readonly missing: readonly CatalogueEntry[];
  readonly extra: readonly CatalogueEntry[];
  readonly changed: readonly { readonly expected: CatalogueEntry; readonly found: CatalogueEntry }[];
}

/** Pure. Empty lists mean that both are the same. */
export function compareCatalogues(
  expected: readonly CatalogueEntry[],
  found: readonly CatalogueEntry[],
): CatalogueDifference {
  const foundByKey = new Map(found.map((entry) => [keyOf(entry), entry]));
  const expectedKeys = new Set(expected.map(keyOf));
  return {
    missing: expected.filter((entry) => !foundByKey.has(keyOf(entry))),
    extra: found.filter((entry) => !expectedKeys.has(keyOf(entry))),
    changed: expected.flatMap((entry) => {
      const other = foundByKey.get(keyOf(entry));
      return other === undefined || other.definition === entry.definition
        ? []
        : [{ expected: entry, found: other }];
    }),
  };
}

function keyOf({ kind, name }: CatalogueEntry): string {
  return `${kind} ${name}`;
}
