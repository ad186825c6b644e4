import { codeOf } from "../database/sqlstate.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import type { StoredDirectives } from "./ledger.ts";
import type { Queryable } from "./queryable.ts";

/**
 * What the ledger keeps of a migration, the newest of each: a run that kept none does not hide an earlier one. Runs that
 * have applied it go first.
 */
export interface KeptTexts {
  readonly kind: "sql" | "code";
  readonly checksum: string | null;
  readonly upText: string | null;
  readonly downText: string | null;
  readonly downChecksum: string | null;
  readonly directives: StoredDirectives;
}

/** undefined: there is no run of it, or no table of runs. */
export async function readKeptTexts(
  database: Queryable,
  { runs }: LedgerTables,
  name: string,
): Promise<KeptTexts | undefined> {
  const newest = (expression: string, condition: string): string =>
    `(SELECT ${expression} FROM ${runs} k WHERE k.name = $1::text AND ${condition} ORDER BY k.state = 'applied' DESC, k.id DESC LIMIT 1)`;
  try {
    const { rows } = await database.query(
      `SELECT r.kind, ${newest("k.checksum", "k.checksum IS NOT NULL AND k.checksum <> ''")} AS checksum,
              ${newest("k.up_text", "k.up_text IS NOT NULL")} AS "upText",
              ${newest("k.down_text", "k.down_text IS NOT NULL")} AS "downText",
              ${newest("k.down_checksum", "k.down_text IS NOT NULL")} AS "downChecksum",
              coalesce(${newest("k.directives", "(k.up_text IS NOT NULL OR k.directives <> '{}'::jsonb)")}, '{}'::jsonb) AS directives
         FROM ${runs} r WHERE r.name = $1::text ORDER BY r.state = 'applied' DESC, r.id DESC LIMIT 1`,
      [name],
    );
    return rows[0] as KeptTexts | undefined;
  } catch (error) {
    if (codeOf(error) === "42P01") return undefined;
    throw error;
  }
}

/** The text of one direction of a run; a text that was not kept again stands in an earlier run of the same content. */
export async function readRunText(
  database: Queryable,
  { runs }: LedgerTables,
  { id, direction }: { readonly id: string; readonly direction: "up" | "down" },
): Promise<string | null> {
  const [column, sum] = direction === "down" ? ["down_text", "down_checksum"] : ["up_text", "checksum"];
  const { rows } = await database.query(
    `SELECT coalesce(r.${column}, (SELECT k.${column} FROM ${runs} k
              WHERE k.name = r.name AND k.${sum} = r.${sum} AND k.${column} IS NOT NULL ORDER BY k.id DESC LIMIT 1)) AS text
       FROM ${runs} r WHERE r.id = $1::bigint`,
    [id],
  );
  return (rows[0] as { text: string | null } | undefined)?.text ?? null;
}
