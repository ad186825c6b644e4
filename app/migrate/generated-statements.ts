import type { Session } from "../database/session.ts";
import { AppError } from "../errors.ts";
import { collectSteps } from "./code-migration.ts";
import type { Listener } from "./events.ts";
import { settleBy } from "./half-done.ts";
import type { UnfinishedRun } from "./ledger.ts";
import type { PreparedMigration } from "./prepare.ts";
import { isParseFailure, largestParsed, splitStatements, type Statement } from "./statements.ts";

/**
 * The statements that a no-transaction migration in code has asked its builder for, so that they are run and recorded
 * like those of a file. Its function has run by then: once more in each run that takes an interrupted one up.
 *
 * @throws AppError `migration-failed` when they cannot be run one by one, or are not those of the interrupted run;
 *   otherwise as `collectSteps`
 */
export async function generateStatements(
  session: Session,
  migration: PreparedMigration,
  unfinished: UnfinishedRun | undefined,
  signal: AbortSignal | undefined,
  listener?: Listener,
): Promise<readonly Statement[]> {
  const statements: Statement[] = [];
  for (const step of await collectSteps(session, migration, signal, listener)) {
    if (step.length > largestParsed)
      throw refused(`a statement it generates is longer than ${largestParsed / 1024} KiB; split it`);
    const parsed = await splitStatements(step);
    if (isParseFailure(parsed))
      throw refused(`a statement it generates is not understood: ${parsed.message}`);
    statements.push(...parsed);
  }
  if (statements.some(({ endsTransaction }) => endsTransaction))
    throw refused("it controls transactions by itself; outside a transaction each statement has its own");
  if (
    statements.some(
      ({ concurrently }) => concurrently?.action === "create" && concurrently.index === undefined,
    )
  )
    throw refused(
      "it builds an index CONCURRENTLY without a name; name it, so that an interrupted build can be told",
    );
  const { statementsDone = 0, statementsTotal = null } = unfinished ?? {};
  // Of a run that was killed before it had said how many there are, the number is not known.
  if (
    statementsDone > 0 &&
    (statementsTotal === null ? statements.length < statementsDone : statementsTotal !== statements.length)
  ) {
    throw refused(
      `it generates ${statements.length} statements, and the run that was interrupted after ${statementsDone} of them had ${statementsTotal ?? "more"}. ` +
        `Let it generate the same ones each time, or settle it: ${settleBy(migration.file.name)}`,
    );
  }
  return statements;
}

function refused(why: string): AppError {
  return new AppError("migration-failed", why);
}
