import type { CatalogueEntry } from "./read.ts";

/** How one schema differs from another, as entries. */
export interface CatalogueDifference {
  readonly missing: readonly CatalogueEntry[];
  readonly extra: readonly CatalogueEntry[];
  readonly changed: readonly { readonly expected: CatalogueEntry; readonly found: CatalogueEntry }[];
}

/** Pure. Empty lists mean that both are the same. Entries that are the same object are compared at no cost. */
export function compareCatalogues(
  allExpected: readonly CatalogueEntry[],
  allFound: readonly CatalogueEntry[],
): CatalogueDifference {
  const [inExpected, inFound] = [new Set(allExpected), new Set(allFound)];
  const expected = allExpected.filter((entry) => !inFound.has(entry));
  const found = allFound.filter((entry) => !inExpected.has(entry));
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
