import type { Socket } from "node:net";
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
 * Sends several messages one behind the other and then waits for all answers: one way to the server and back instead
 * of one for each. A message that fails does not keep the server from those behind it, save in a transaction, where
 * they fail too. `send` sends all of them before it returns.
 */
export async function sendTogether<T extends readonly unknown[]>(
  { client }: Pick<Session, "client">,
  send: () => { [K in keyof T]: Promise<T[K]> },
): Promise<{ [K in keyof T]: PromiseSettledResult<T[K]> }> {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const mode = client as { pipeline: boolean };
  mode.pipeline = true;
  stream.cork();
  try {
    const answers = send();
    stream.uncork();
    return await Promise.allSettled(answers);
  } finally {
    mode.pipeline = false;
  }
}

/** The answer to one of several messages. @throws what it failed with */
export function answerOf<T>(answer: PromiseSettledResult<T>): T {
  if (answer.status === "rejected") throw answer.reason;
  return answer.value;
}

/** Ends a transaction if one is open. Where the connection is gone this fails too, and would hide why. */
export async function rollBack({ client }: Pick<Session, "client">): Promise<void> {
  if (client.getTransactionStatus() !== "I") await client.query("ROLLBACK").catch(() => undefined);
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
