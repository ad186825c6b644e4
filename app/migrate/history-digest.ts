import { hash } from "node:crypto";
import { codeOf } from "../database/sqlstate.ts";
import type { History, KnownMigration } from "./history.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import { readFromLedger } from "./ledger-wait.ts";
import { fromUnfinished } from "./ledger.ts";
import type { PlainFolder } from "./plain-folder.ts";
import type { Queryable } from "./queryable.ts";

/**
 * One short answer for what nearly every start of a container finds: a history that is exactly the files. The server
 * folds names and checksums into a digest; whoever has the same one from the files need not read the history at all.
 *
 * @returns undefined where there is no complete ledger, or something was begun and not finished
 */
export async function readHistoryDigest(
  database: Queryable,
  tables: LedgerTables,
): Promise<string | undefined> {
  const { migrations, runs } = tables;
  try {
    const rows = await readFromLedger(
      database,
      tables,

      `SELECT encode(sha256(convert_to(n.names || E'\\n\\n' || r.checksums, 'UTF8')), 'hex') AS digest
         FROM (SELECT string_agg(name, E'\\n' ORDER BY name COLLATE "C") AS names FROM ${migrations}) n,
              (SELECT string_agg(name || ' ' || checksum, E'\\n') AS checksums
                 FROM (SELECT DISTINCT ON (name COLLATE "C") name, checksum, state FROM ${runs}
                        WHERE state IN ('applied', 'reverted') AND name IN (SELECT name FROM ${migrations})
                        ORDER BY name COLLATE "C", id DESC) newest WHERE state = 'applied') r
        WHERE NOT EXISTS (SELECT ${fromUnfinished(runs)})`,
    );
    return (rows[0] as { digest: string | null } | undefined)?.digest ?? undefined;
  } catch (error) {
    // Reading the history itself will tell what is wrong with the tables.
    if (["42P01", "42703", "42809", "42883"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** The same digest of files that are all applied. Names have ASCII characters only, so both sides sort alike. */
export function digestOf(files: readonly KnownMigration[]): string {
  const inOrder = isInOrder(files) ? files : files.toSorted(byName);
  return digestOfNames({
    names: inOrder.map(({ name }) => name),
    checksums: inOrder.map(({ checksum }) => checksum),
  });
}

export function digestOfNames({ names, checksums }: PlainFolder): string {
  let lines = names.join("\n");
  lines += "\n";
  for (let index = 0; index < names.length; index++) lines += `\n${names[index]} ${checksums[index]}`;
  return hash("sha256", lines);
}

/** As the files of a folder nearly always are: their numbers have one width. */
function isInOrder(files: readonly KnownMigration[]): boolean {
  return files.every(({ name }, index) => index === 0 || files[index - 1]!.name < name);
}

function byName(a: KnownMigration, b: KnownMigration): number {
  return a.name < b.name ? -1 : 1;
}

/** The history of a database whose digest is that of the files; `files` is called when somebody asks for one of them. */
export function historyAtHead(files: () => readonly KnownMigration[]): History {
  return {
    get applied() {
      return files().map((file) => ({
        file,
        entry: {
          name: file.name,
          version: file.version,
          checksum: file.checksum,
          directives: {},
          appliedAt: null,
        },
      }));
    },
    pending: [],
    ahead: [],
    breaking: [],
    conflicts: [],
    unfinished: [],
    openRedo: undefined,
    halfRedone: undefined,
  };
}
