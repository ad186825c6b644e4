import type { UnfinishedRun } from "./ledger.ts";

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
