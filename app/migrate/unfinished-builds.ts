import { underRolePath } from "../database/transaction.ts";
import { findLeftovers } from "./invalid-index.ts";
import type { UnfinishedRun } from "./ledger.ts";
import type { MigrationSession } from "./migration-session.ts";
import { isParseFailure, splitStatements } from "./statements.ts";

/** By the name of an invalid index, the unfinished migration whose statement was building it. */
export async function readUnfinishedBuilds(
  { session, tables }: MigrationSession,
  unfinished: readonly UnfinishedRun[],
): Promise<Map<string, string>> {
  const owners = new Map<string, string>();
  for (const { id, name, statementStarted, statementsDone } of unfinished) {
    const { rows } = await session.client.query<{ text: string | null }>(
      `SELECT CASE direction WHEN 'down' THEN down_text ELSE up_text END AS text FROM ${tables.runs} WHERE id = $1 AND kind = 'sql'`,
      [id],
    );
    const statements = await splitStatements(rows[0]?.text ?? "");
    if (isParseFailure(statements)) continue;
    // What the server refused is not marked as begun, and stands behind what is done.
    const building = statements[statementStarted ?? statementsDone]?.concurrently;
    if (building === undefined) continue;
    const leftovers = await underRolePath(session, async () => await findLeftovers(session, building));
    for (const leftover of leftovers) owners.set(leftover.name, name);
  }
  return owners;
}
