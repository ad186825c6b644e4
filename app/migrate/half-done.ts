import { AppError } from "../errors.ts";
import type { UnfinishedRun } from "./ledger.ts";
import type { Statement } from "./statements.ts";

/** Some of it has taken effect, or may have. A run that was stopped before its first statement has left nothing. */
export function isHalfDone({ statementsDone, statementStarted }: UnfinishedRun): boolean {
  return statementsDone > 0 || statementStarted !== null;
}

/** What must be settled before a command that does not finish it itself, as a sentence. */
export function describeUnfinished({
  name,
  direction,
  statementsDone,
  statementsTotal,
}: UnfinishedRun): string {
  return `The ${direction} of ${name} stopped after statement ${statementsDone} of ${statementsTotal ?? "?"}.`;
}

/** The commands that settle a run by a person's word. */
export function settleBy(name: string): string {
  return `\`migrate repair ${name} --as applied\` or \`--as pending\``;
}

/** A block or procedure that committed by itself and did not end: how far it came, nobody can tell. */
export function mustBeSettled(
  { file }: { readonly file: { readonly name: string } },
  { node }: Pick<Statement, "node">,
  index: number,
): AppError {
  return new AppError(
    "history-conflict",
    `Statement ${index + 1} of ${file.name} (${node === "CallStmt" ? "CALL" : "DO"}) commits by itself, and a run was stopped in it: what it has done stays, and how far it came cannot be told. ` +
      `Look at the data. If it may run again from its beginning, write \`-- migrate: repeatable-statements REASON\` into the head of the file; otherwise finish it or take it back by hand, and settle it: ${settleBy(file.name)}.`,
  );
}
