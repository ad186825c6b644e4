import type { QueryResultRow } from "pg";
import type { Session } from "./session.ts";

/**
 * The first row of the last of these statements, which are sent in one message. They have no parameters: what is put
 * into them is a literal by then.
 */
export async function queryTogether<T extends QueryResultRow = QueryResultRow>(
  { client }: Pick<Session, "client">,
  statements: readonly string[],
): Promise<T | undefined> {
  // With several statements, node-postgres gives a result for each.
  const results = (await client.query<T>(statements.join("; "))) as unknown;
  const last = (Array.isArray(results) ? results.at(-1) : results) as { rows: T[] };
  return last.rows[0];
}

/**
 * Runs `work` in a transaction; whatever it throws rolls it back. `opening` is sent together with BEGIN, and the first
 * row of its last statement is handed to `work`.
 */
export async function inTransaction<T>(
  session: Session,
  opening: readonly string[],
  work: (row: QueryResultRow | undefined) => Promise<T>,
): Promise<T> {
  try {
    const result = await work(await queryTogether(session, opening));
    await session.client.query("COMMIT");
    return result;
  } catch (error) {
    // Where the connection is gone this fails too, and would hide why.
    await session.client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
