import pg from "pg";
import type { Session } from "./session.ts";

export interface TextResult {
  /** How many statements of the text the server finished. */
  readonly completed: number;
  /** Rows that the last INSERT, UPDATE, DELETE, MERGE or COPY changed; 0 for other commands. */
  readonly rowsChanged: number;
}

/** The server's error, the text that it is about, and how many of its statements were finished: it names none itself. */
export class TextFailure extends Error {
  readonly text: string;
  readonly completed: number;

  constructor(cause: Error, text: string, completed: number) {
    super(cause.message, { cause });
    this.name = "TextFailure";
    this.text = text;
    this.completed = completed;
  }
}

/**
 * Sends a text of one or more statements in a single message and throws away every row it returns: a SELECT over
 * millions of rows in a migration must not fill our memory, as node-postgres would have it.
 *
 * @throws TextFailure
 */
export async function runText(session: Session, text: string): Promise<TextResult> {
  return await new Promise((resolve, reject) => {
    let completed = 0;
    let rowsChanged = 0;
    const query = new pg.Query(text) as pg.Query & QueryInternals;
    query.callback = (error) => {
      if (error) reject(new TextFailure(error, text, completed));
      else resolve({ completed, rowsChanged });
    };
    query.handleDataRow = () => undefined;
    query.handleCommandComplete = ({ text: tag }) => {
      completed += 1;
      const match = /^(?:INSERT \d+|UPDATE|DELETE|MERGE|COPY) (\d+)$/.exec(tag);
      rowsChanged = match === null ? 0 : Number(match[1]);
    };
    session.client.query(query);
  });
}

/** The parts of node-postgres' query that its types leave out; pinned, and covered by run-text's test. */
interface QueryInternals {
  callback: (error: Error | null) => void;
  handleDataRow: (message: unknown) => void;
  handleCommandComplete: (message: { text: string }) => void;
}
