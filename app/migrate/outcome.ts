import { AppError } from "../errors.ts";
import { resetSession } from "../database/session.ts";
import { readLedger } from "./ledger.ts";
import type { RunContext } from "./run-context.ts";

interface DoneStep {
  readonly name: string;
  readonly direction: "up" | "down";
}

/**
 * Reads the ledger again behind a run and compares it with what the run has done: a migration may have changed the
 * ledger, a trigger of it may have waited for COMMIT, another runner may have been at work without our lock.
 *
 * @throws AppError `history-conflict` with each migration that is not recorded as it was run
 */
export async function assertOutcome(
  { session, tables }: Pick<RunContext, "session" | "tables">,
  done: readonly DoneStep[],
): Promise<void> {
  if (done.length === 0 || session.lostBecause() !== undefined) return;
  await resetSession(session, "migrate");
  const { applied, duplicates, contradictions } = await readLedger(session.client, tables);
  const names = new Set(applied.map(({ name }) => name));
  const last = new Map(done.map(({ name, direction }) => [name, direction]));
  const wrong = [
    ...[...last].flatMap(([name, direction]) => (names.has(name) === (direction === "up") ? [] : [name])),
    ...duplicates,
    ...contradictions.map(({ name }) => name),
  ];
  if (wrong.length === 0) return;
  throw new AppError(
    "history-conflict",
    `The migrations ran, and afterwards the ledger does not say so: ${[...new Set(wrong)].join(", ")}. A migration, a trigger or another program has changed ${tables.migrations} or ${tables.runs}. ` +
      "`migrate status` shows what is recorded; `migrate repair NAME --as applied` or `--as pending` corrects it.",
    { details: { names: [...new Set(wrong)] } },
  );
}
