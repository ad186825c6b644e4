import { AppError } from "../errors.ts";
import type { UnfinishedRun } from "./ledger.ts";
import type { MigrationSession } from "./migration-session.ts";
import type { PreparedMigration } from "./prepare.ts";
import { withLineFeeds } from "./migration-text.ts";
import { readRunText } from "./run-texts.ts";
import { describeUnfinished, isHalfDone, mustBeSettled, settleBy } from "./half-done.ts";
import { isParseFailure, skipComments, splitStatements, type Statement } from "./statements.ts";

/**
 * Where a step takes up an unfinished run of its migration; undefined where it begins at the beginning.
 *
 * @throws AppError `history-conflict` when the migration is half-done and was made one transaction since: as a whole it
 *   would run again what is done; when it
 *   has changed in what is done
 */
export async function resumeOf(
  database: MigrationSession,
  migration: PreparedMigration,
  unfinished: UnfinishedRun | undefined,
): Promise<UnfinishedRun | undefined> {
  if (unfinished === undefined) return undefined;
  if (migration.directives.noTransaction) {
    if (unfinished.resumeBlocked !== null && unfinished.statementsDone > 0) throw cannotResume(unfinished);
    const point = await findResumePoint(database, migration, unfinished);
    const begun = migration.statements?.[unfinished.statementStarted ?? -1];
    if (begun?.recovery === "unknown" && migration.directives.repeatableStatements === undefined)
      throw mustBeSettled(migration, begun, unfinished.statementStarted!);
    return point;
  }
  if (!isHalfDone(unfinished)) return undefined;
  throw new AppError(
    "history-conflict",
    `${describeUnfinished(unfinished)} Its file had \`-- migrate: no-transaction\` then and does not have it now, and as one transaction it would run again from its beginning. ` +
      `Put the directive back so that the run can be resumed, or settle it: ${settleBy(unfinished.name)}.`,
  );
}

/**
 * Where a migration goes on whose last run stopped half-way. Its file may have changed since, which is how a statement
 * that failed is repaired, as long as the statements that took effect, and one that was interrupted, are still the same.
 *
 * @throws AppError `history-conflict` when they are not: what is done and what is not would be a guess
 */
async function findResumePoint(
  { session, tables }: MigrationSession,
  migration: PreparedMigration,
  unfinished: UnfinishedRun,
): Promise<UnfinishedRun> {
  const { file, source, statements = [] } = migration;
  if (migration.direction === "up" && unfinished.checksum === file.checksum) return unfinished;
  if (!isHalfDone(unfinished)) return unfinished;
  const recorded = (await readRunText(session.client, tables, unfinished)) ?? "";
  if (withLineFeeds(recorded) === withLineFeeds(source)) return unfinished;
  const split = await splitStatements(recorded);
  const { statementsDone, statementStarted } = unfinished;
  const begun = statementStarted === null ? statementsDone : statementStarted + 1;
  if (!isParseFailure(split) && beginAlike(statements, split, begun)) return unfinished;
  throw new AppError(
    "history-conflict",
    `${describeUnfinished(unfinished)} It has changed since, in what stands before statement ${begun + 1} of its file. ` +
      `Restore that so that the run can be resumed, or settle it: ${settleBy(file.name)}.`,
  );
}

function cannotResume(run: UnfinishedRun): AppError {
  return new AppError(
    "history-conflict",
    `${describeUnfinished(run)} It cannot be resumed there: ${run.resumeBlocked}, and what follows may count on it. ` +
      `Finish it or take it back by hand, and settle it: ${settleBy(run.name)}.`,
  );
}

/** Whether the first `count` statements are the same but for comments before them. */
function beginAlike(left: readonly Statement[], right: readonly Statement[], count: number): boolean {
  const beginning = (statements: readonly Statement[]): string[] =>
    statements.slice(0, count).map(({ text }) => withLineFeeds(text.slice(skipComments(text)).trimEnd()));
  const [ours, theirs] = [beginning(left), beginning(right)];
  return (
    ours.length === count && theirs.length === count && ours.every((text, index) => text === theirs[index])
  );
}
