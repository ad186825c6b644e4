import type { MigrationFile } from "./files.ts";
import * as say from "./history-conflicts.ts";
import type { HistoryConflict } from "./history-conflicts.ts";
import { versionOf, type AppliedMigration, type LedgerState, type UnfinishedRun } from "./ledger.ts";
import { isHalfDone } from "./half-done.ts";
import { matchMissing, type Moved } from "./match-missing.ts";

export type { HistoryConflict } from "./history-conflicts.ts";

/** A migration of this image with what comparing needs of its text. */
export interface KnownMigration extends MigrationFile {
  readonly checksum: string;
  /** Waits until the service runs, so it may be applied later than its number says. */
  readonly deferred: boolean;
}

/** The files of this image and the ledger of a database, compared as sets. */
export interface History {
  readonly applied: readonly { readonly file: KnownMigration; readonly entry: AppliedMigration }[];
  /** In the order in which they will run. */
  readonly pending: readonly KnownMigration[];
  /** Applied, newer than every file of this image. */
  readonly ahead: readonly AppliedMigration[];
  /** Of `ahead`, those that older images must not run with. */
  readonly breaking: readonly AppliedMigration[];
  readonly conflicts: readonly HistoryConflict[];
  readonly unfinished: readonly UnfinishedRun[];
  /** A migration that a redo has reverted and not applied again. */
  readonly openRedo: string | undefined;
  /** A migration that a redo has begun to revert: `up` reverts the rest and applies it again. */
  readonly halfRedone: UnfinishedRun | undefined;
}

export interface CompareOptions {
  /** Pending migrations with a lower number than an applied one are run instead of refused. */
  readonly allowOutOfOrder?: boolean;
}

/**
 * Matches the files with the ledger: by number and name first, then by content where the old name is gone (moved), then
 * by number alone (a collision of two migrations). Never by position.
 */
export function compareHistory(
  files: readonly KnownMigration[],
  ledger: LedgerState,
  options: CompareOptions = {},
): History {
  const byName = new Map(files.map((file) => [file.name, file]));
  const entryOf = new Map(ledger.applied.map((entry) => [entry.name, entry]));
  const newestFile = files.at(-1)?.version ?? -1n;
  const unmatchedFiles = files.filter(({ name }) => !entryOf.has(name));
  const gone = ledger.applied.filter(({ name }) => !byName.has(name));
  const moved = matchMissing(gone, unmatchedFiles);
  const conflicts: HistoryConflict[] = [
    ...ledger.contradictions.map(say.contradicts),
    ...ledger.duplicates.map(say.duplicated),
    ...ledger.unfinished.filter(({ undermined }) => undermined !== null).map(say.revertedBeneath),
  ];
  const ahead: AppliedMigration[] = [];
  /** Files whose number or content another migration is recorded with. */
  const claimed = new Set<string>(moved.map(({ file }) => file.name));
  for (const entry of gone) {
    const move = moved.find((candidate) => candidate.entry === entry);
    const collision = unmatchedFiles.find(
      ({ name, version }) => version === entry.version && !moved.some(({ file }) => file.name === name),
    );
    if (move !== undefined) conflicts.push(say.moved(entry, move.file));
    else if (collision !== undefined) {
      claimed.add(collision.name);
      conflicts.push(say.collides(entry, collision, files));
    } else if (entry.version !== undefined && entry.version > newestFile) ahead.push(entry);
    else conflicts.push(say.missing(entry));
  }
  const applied = files.flatMap((file) => {
    const entry = entryOf.get(file.name);
    return entry === undefined ? [] : [{ file, entry }];
  });
  for (const { file, entry } of applied)
    if (entry.checksum !== null && entry.checksum !== file.checksum) conflicts.push(say.changed(file, entry));
  if (isUnrelated(files, ledger, applied.length, moved)) conflicts.unshift(say.unrelated(ledger));
  const halfDown = ledger.unfinished.find((run) => run.direction === "down" && isHalfDone(run));
  if (halfDown !== undefined && !halfDown.isRedo) conflicts.push(say.halfReverted(halfDown, ledger));
  for (const run of ledger.unfinished) {
    if (byName.has(run.name) || entryOf.has(run.name) || !isHalfDone(run)) continue;
    const successor =
      unmatchedFiles.find(({ checksum }) => checksum === run.checksum) ??
      unmatchedFiles.find(({ version }) => version === versionOf(run.name));
    // Of a newer image, or of this one with the file gone.
    if (successor === undefined && (versionOf(run.name) ?? 0n) > newestFile) continue;
    if (successor !== undefined) claimed.add(successor.name);
    conflicts.push(say.halfDoneWithoutFile(run, successor));
  }
  const contradicted = new Set(ledger.contradictions.map(({ name }) => name));
  const pending = unmatchedFiles.filter(({ name }) => !claimed.has(name) && !contradicted.has(name));
  if (!options.allowOutOfOrder) conflicts.push(...outOfOrder(pending, ledger));
  return {
    applied,
    pending,
    ahead,
    breaking: ahead.filter(({ directives }) => directives.breaking),
    conflicts,
    unfinished: ledger.unfinished,
    openRedo: ledger.openRedo,
    halfRedone: halfDown?.isRedo === true ? halfDown : undefined,
  };
}

/** Nothing that is applied is in the folder: the wrong database, or the wrong image. */
function isUnrelated(
  files: readonly KnownMigration[],
  ledger: LedgerState,
  matched: number,
  moved: readonly Moved[],
): boolean {
  return ledger.applied.length > 0 && files.length > 0 && matched === 0 && moved.length === 0;
}

function outOfOrder(pending: readonly KnownMigration[], ledger: LedgerState): HistoryConflict[] {
  if (pending.length === 0) return [];
  // A deferred migration is applied later than its number says, on purpose.
  const newest = ledger.applied
    .filter(({ directives }) => !directives.deferred)
    .findLast(({ version }) => version !== undefined);
  if (newest === undefined) return [];
  const begun = new Set(ledger.unfinished.map(({ name }) => name));
  return pending
    .filter(
      ({ version, name, deferred }) =>
        version < newest.version! && !deferred && !begun.has(name) && name !== ledger.openRedo,
    )
    .map(({ name }) => say.late(name, newest.name));
}
