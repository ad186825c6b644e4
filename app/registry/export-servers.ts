import type { Position } from "./cursor.ts";
import { renderServer } from "./server-record.ts";
import { selectPage } from "./server-repository.ts";
import { runStatement, type Database } from "./statement.ts";

const everything = { search: undefined, updatedSince: undefined, version: undefined, includeDeleted: true };
const pageSize = 500;

/**
 * Every version, deleted ones too, as JSON Lines of ServerResponses in the order of lists: what `importServers` reads
 * back. All of it is the state of one moment, whatever is published meanwhile. Holds one page at a time; each text has
 * the lines of one page, and `count` says how many.
 *
 * @param database one connection, used by nobody else meanwhile
 * @throws AppError when the database is the trouble, see `runStatement`
 */
export async function* exportServers(database: Database): AsyncGenerator<{ text: string; count: number }> {
  await run(database, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    let after: Position | undefined;
    for (;;) {
      const records = await selectPage(database, everything, after, pageSize);
      const last = records.at(-1);
      if (last === undefined) return;
      yield {
        text: records.map((record) => `${oneLine(renderServer(record))}\n`).join(""),
        count: records.length,
      };
      after = { name: last.name, version: last.version };
    }
  } finally {
    await run(database, "ROLLBACK").catch(() => undefined);
  }
}

/** Between the tokens of a document a line end is white space like any other; within a text JSON allows none. */
function oneLine(json: string): string {
  return json.replaceAll(/[\r\n]+/g, " ");
}

async function run(database: Database, text: string): Promise<void> {
  await runStatement(database, { name: "", text, values: [] });
}
