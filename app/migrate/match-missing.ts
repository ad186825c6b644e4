import type { KnownMigration } from "./history.ts";
import type { AppliedMigration } from "./ledger.ts";
import { holdsStatement } from "./prepare.ts";

/** A migration that is recorded under one name and stands in the folder under another, with the same content. */
export interface Moved {
  readonly entry: AppliedMigration;
  readonly file: KnownMigration;
}

/**
 * Pairs recorded migrations whose files are gone with files that nobody has recorded, by content. Only where that is
 * certain: the content occurs once on each side and holds a statement. Two empty files are not the same migration.
 *
 * @param gone recorded, without a file of that name
 * @param unmatched files without a record of that name
 */
export function matchMissing(
  gone: readonly AppliedMigration[],
  unmatched: readonly KnownMigration[],
): Moved[] {
  if (gone.length === 0 || unmatched.length === 0) return [];
  return gone.flatMap((entry) => {
    if (entry.checksum === null) return [];
    const files = unmatched.filter(({ checksum }) => checksum === entry.checksum);
    const twins = gone.filter(({ checksum }) => checksum === entry.checksum);
    const [file] = files;
    const isCertain = file !== undefined && files.length === 1 && twins.length === 1 && holdsStatement(file);
    return isCertain ? [{ entry, file }] : [];
  });
}
