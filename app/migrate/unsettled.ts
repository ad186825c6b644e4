import { AppError } from "../errors.ts";
import type { History } from "./history.ts";
import { describeUnfinished, isHalfDone, settleBy } from "./half-done.ts";
import { versionOf, type LedgerState } from "./ledger.ts";

/**
 * Refuses a ledger that contradicts itself: what is applied is not known, so nothing may be run, reverted or recorded
 * on it but by `repair`.
 *
 * @throws AppError `history-conflict`
 */
export function assertConsistent({ conflicts }: Pick<History, "conflicts">): void {
  const found = conflicts.filter(({ kind }) => inTheLedger.has(kind));
  if (found.length === 0) return;
  throw new AppError(
    "history-conflict",
    `The ledger of this database contradicts itself; nothing was run:\n${found.map(({ message }) => `  - ${message}`).join("\n")}`,
    { details: { conflicts: found.map(({ kind, name }) => ({ kind, name })) } },
  );
}

/** Conflicts that the files have no part in. */
const inTheLedger: ReadonlySet<string> = new Set(["lost", "revived", "duplicate", "undermined"]);

/**
 * Refuses to revert these migrations while something is half-done: beneath a half-done migration nothing is reverted,
 * since its resume would go on behind statements that were undone with it; a half-done revert comes first; and a redo is
 * finished before anything else is reverted.
 *
 * @param chosen names, newest first
 * @throws AppError `history-conflict`
 */
export function assertMayRevert(
  { unfinished, openRedo }: Pick<LedgerState, "unfinished" | "openRedo">,
  chosen: readonly string[],
): void {
  const redo = unfinished.find(({ isRedo }) => isRedo)?.name ?? openRedo;
  if (redo !== undefined) {
    throw refused(
      `A redo of ${redo} was interrupted. \`migrate redo\` or \`migrate up\` finishes it; ${settleBy(redo)} settles it otherwise.`,
    );
  }
  const lowest = chosen.reduce<bigint | undefined>((low, name) => {
    const version = versionOf(name);
    return version !== undefined && (low === undefined || version < low) ? version : low;
  }, undefined);
  for (const run of unfinished) {
    if (run.direction === "down") {
      if (chosen.includes(run.name)) continue;
      throw refused(
        `${describeUnfinished(run)} Finish that first (\`migrate down\` as far as ${run.name}), or settle it: ${settleBy(run.name)}.`,
      );
    }
    if (!isHalfDone(run) || lowest === undefined || (versionOf(run.name) ?? 0n) < lowest) continue;
    throw refused(
      `${describeUnfinished(run)} Beneath it nothing is reverted. Finish it with \`migrate up\`, or settle it: ${settleBy(run.name)}.`,
    );
  }
}

/**
 * Refuses to record migrations as applied while the ledger contradicts itself or something is half-done.
 *
 * @throws AppError `history-conflict`
 */
export function assertMayRecord(history: Pick<History, "conflicts" | "unfinished" | "openRedo">): void {
  assertConsistent(history);
  const run = history.unfinished.find((found) => found.direction === "down" || isHalfDone(found));
  if (run === undefined) return;
  throw new AppError(
    "history-conflict",
    `${describeUnfinished(run)} Finish it first, or settle it: ${settleBy(run.name)}. Nothing was recorded.`,
  );
}

function refused(sentence: string): AppError {
  return new AppError("history-conflict", `${sentence} Nothing was reverted.`);
}
