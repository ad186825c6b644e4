import type { Socket } from "node:net";
import pg, { type QueryResultRow } from "pg";
import { TextFailure } from "./run-text.ts";
import type { Session } from "./session.ts";

/**
 * Sends statements in one message. They have no parameters: what is put into them is a literal by then.
 *
 * @returns the row that one of them returns
 * @throws TextFailure
 */
export async function sendStatements<T extends QueryResultRow = QueryResultRow>(
  { client }: Pick<Session, "client">,
  statements: readonly string[],
): Promise<T | undefined> {
  return await new Promise((resolve, reject) => {
    const text = statements.join("; ");
    let completed = 0;
    const query = new pg.Query(text) as pg.Query & QueryInternals<T>;
    query.callback = (error, result) => {
      if (error) reject(new TextFailure(error, text, completed));
      else resolve(result!.rows.at(-1));
    };
    // node-postgres would make a result of its own for each statement.
    query.handleCommandComplete = () => {
      completed += 1;
    };
    client.query(query);
  });
}

/** As `sendStatements`, and throws what the server throws. */
export async function queryTogether<T extends QueryResultRow = QueryResultRow>(
  session: Pick<Session, "client">,
  statements: readonly string[],
): Promise<T | undefined> {
  try {
    return await sendStatements<T>(session, statements);
  } catch (error) {
    throw error instanceof TextFailure ? error.cause : error;
  }
}

/** The parts of node-postgres' query that its types leave out; pinned. */
interface QueryInternals<T> {
  callback: (error: Error | null, result?: { rows: T[] }) => void;
  handleCommandComplete: () => void;
}

/**
 * Sends several messages one behind the other and then waits for all answers: one way to the server and back instead
 * of one for each. A message that fails does not keep the server from those behind it, save in a transaction, where
 * they fail too. `send` sends all of them before it returns.
 */
export async function sendTogether<T extends readonly unknown[] | []>(
  { client }: Pick<Session, "client">,
  send: () => T,
): Promise<{ -readonly [K in keyof T]: PromiseSettledResult<Awaited<T[K]>> }> {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const mode = client as { pipeline: boolean };
  mode.pipeline = true;
  try {
    stream.cork();
    const answers = Promise.allSettled(send());
    stream.uncork();
    return await answers;
  } finally {
    mode.pipeline = false;
  }
}

/** The answer to one of several messages. @throws what it failed with */
export function answerOf<T>(answer: PromiseSettledResult<T>): T {
  if (answer.status === "rejected") throw answer.reason;
  return answer.value;
}

/**
 * Ends a transaction if one is open. An error is told before the server says where it leaves the transaction, so that is
 * waited for first, with an empty query. Where the connection is gone both fail, too, and would hide why.
 *
 * @param settings statements that hold for the session from then on
 */
export async function rollBack(
  { client }: Pick<Session, "client">,
  settings: readonly string[] = [],
): Promise<void> {
  await client.query(settings.join("; ")).catch(() => undefined);
  if (client.getTransactionStatus() === "I") return;
  await client.query(["ROLLBACK", ...settings].join("; ")).catch(() => undefined);
}

/**
 * Lets `work` read under the role's own search path, for names as a migration writes them. Its statements must mean the
 * same under any path: everything in them is qualified, operators and types too.
 */
export async function underRolePath<T>(session: Session, work: () => Promise<T>): Promise<T> {
  return await inTransaction(session, ["BEGIN READ ONLY", "SET LOCAL search_path TO DEFAULT"], work);
}

/**
 * Runs `work` in a transaction; whatever it throws rolls it back. `opening` is sent together with BEGIN, and the row
 * that one of its statements returns is handed to `work`.
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
    await rollBack(session);
    throw error;
  }
}
