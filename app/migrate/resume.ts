import { AppError } from "../errors.ts";
import type { UnfinishedRun } from "./ledger.ts";
import type { MigrationSession } from "./migration-session.ts";
import type { PreparedMigration } from "./prepare.ts";
import { isParseFailure, skipComments, splitStatements, type Statement } from "./statements.ts";

/**
 * Where a migration goes on whose last run stopped half-way. Its file may have changed since, which is how a statement
 * that failed is repaired, as long as the statements that took effect are still the same.
 *
 * @throws AppError `history-conflict` when they are not: what is done and what is not would be a guess
 */
export async function findResumePoint(
  database: MigrationSession,
  migration: PreparedMigration,
  unfinished: UnfinishedRun | undefined,
): Promise<UnfinishedRun | undefined> {
  const { file, statements = [] } = migration;
  if (unfinished === undefined || unfinished.checksum === file.checksum) return unfinished;
  const done = unfinished.statementsDone;
  if (done > 0 && !beginAlike(statements, await readRecorded(database, unfinished), done)) {
    throw new AppError(
      "history-conflict",
      `${file.name} was interrupted after statement ${done} of ${unfinished.statementsTotal ?? "?"} and has changed since (recorded ${unfinished.checksum?.slice(0, 8)}…, file ${file.checksum.slice(0, 8)}…). ` +
        `Restore what stands before statement ${done + 1} so that the run can be resumed, or settle it with \`migrate repair ${file.name}\`.`,
    );
  }
  // The statement that was interrupted may be another one now: nothing is known of it.
  return { ...unfinished, statementStarted: null };
}

async function readRecorded(
  { session, tables }: MigrationSession,
  { id }: UnfinishedRun,
): Promise<readonly Statement[]> {
  const { rows } = await session.client.query<{ up_text: string | null }>(
    `SELECT up_text FROM ${tables.runs} WHERE id = $1`,
    [id],
  );
  const statements = await splitStatements(rows[0]?.up_text ?? "");
  return isParseFailure(statements) ? [] : statements;
}

/** Whether the first `count` statements are the same but for comments before them. */
function beginAlike(left: readonly Statement[], right: readonly Statement[], count: number): boolean {
  const beginning = (statements: readonly Statement[]): string[] =>
    statements.slice(0, count).map(({ text }) => text.slice(skipComments(text)).trimEnd());
  const [ours, theirs] = [beginning(left), beginning(right)];
  return (
    ours.length === count && theirs.length === count && ours.every((text, index) => text === theirs[index])
  );
}
