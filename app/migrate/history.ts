import type { MigrationFile } from "./files.ts";
import type { AppliedMigration, LedgerState, UnfinishedRun } from "./ledger.ts";

/** A migration of this image with what comparing needs of its text. */
export interface KnownMigration extends MigrationFile {
  readonly checksum: string;
  /** Waits until the service runs, so it may be applied later than its number says. */
  readonly deferred: boolean;
}

/** What is wrong with the history, each with the sentence that says so and what to do. */
export interface HistoryConflict {
  readonly kind: "changed" | "missing" | "renamed" | "out-of-order" | "duplicate" | "unfinished";
  readonly name: string;
  readonly message: string;
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
}

export interface CompareOptions {
  /** Pending migrations with a lower number than an applied one are run instead of refused. */
  readonly allowOutOfOrder?: boolean;
}

/** Compares by name, never by position. Pure. */
export function compareHistory(
  files: readonly KnownMigration[],
  ledger: LedgerState,
  options: CompareOptions = {},
): History {
  const appliedByName = new Map(ledger.applied.map((entry) => [entry.name, entry]));
  const fileNames = new Set(files.map(({ name }) => name));
  const newestFile = files.at(-1)?.version ?? -1n;
  const conflicts: HistoryConflict[] = ledger.duplicates.map((name) => ({
    kind: "duplicate",
    name,
    message: `${name} is recorded as applied more than once; remove the extra row from the table of applied migrations.`,
  }));
  const ahead: AppliedMigration[] = [];
  for (const entry of ledger.applied) {
    if (fileNames.has(entry.name)) continue;
    const sameVersion = files.find(({ version }) => version === entry.version);
    if (sameVersion !== undefined) conflicts.push(renamed(entry, sameVersion));
    else if (entry.version !== undefined && entry.version > newestFile) ahead.push(entry);
    else conflicts.push(missing(entry, files, appliedByName));
  }
  const applied: { readonly file: KnownMigration; readonly entry: AppliedMigration }[] = [];
  for (const file of files) {
    const entry = appliedByName.get(file.name);
    if (entry === undefined) continue;
    applied.push({ file, entry });
    if (entry.checksum !== null && entry.checksum !== file.checksum) conflicts.push(changed(file, entry));
  }
  const pending = files.filter(
    ({ name, version }) =>
      !appliedByName.has(name) &&
      !conflicts.some((conflict) => conflict.kind === "renamed" && versionIs(conflict.name, version)),
  );
  if (!options.allowOutOfOrder) conflicts.push(...outOfOrder(pending, ledger));
  return {
    applied,
    pending,
    ahead,
    breaking: ahead.filter(({ directives }) => directives.breaking),
    conflicts,
    unfinished: ledger.unfinished,
  };
}

function versionIs(name: string, version: bigint): boolean {
  return BigInt(/^\d+/.exec(name)?.[0] ?? -1) === version;
}

function outOfOrder(pending: readonly KnownMigration[], ledger: LedgerState): HistoryConflict[] {
  if (pending.length === 0) return [];
  // A deferred migration is applied later than its number says, on purpose.
  const newest = ledger.applied
    .filter(({ directives }) => !directives.deferred)
    .findLast(({ version }) => version !== undefined);
  const unfinished = new Set(ledger.unfinished.map(({ name }) => name));
  return pending
    .filter(
      ({ version, name, deferred }) =>
        newest !== undefined && version < newest.version! && !deferred && !unfinished.has(name),
    )
    .map(({ name }) => ({
      kind: "out-of-order",
      name,
      message: `${name} is not applied and has a lower number than ${newest!.name}, which is. Give it a number above all others, or run \`migrate up --allow-out-of-order\` if the order does not matter.`,
    }));
}

function renamed(entry: AppliedMigration, file: KnownMigration): HistoryConflict {
  const same = entry.checksum === file.checksum ? " with the same content" : "";
  return {
    kind: "renamed",
    name: entry.name,
    message: `${entry.name} was applied under that name; the file is now called ${file.name}${same}. Give it its old name back, or run \`migrate repair ${file.name}\` if the new one is meant.`,
  };
}

function missing(
  entry: AppliedMigration,
  files: readonly KnownMigration[],
  appliedByName: ReadonlyMap<string, AppliedMigration>,
): HistoryConflict {
  const moved = files.find(({ checksum, name }) => checksum === entry.checksum && !appliedByName.has(name));
  const hint =
    moved === undefined
      ? "Restore the file"
      : `${moved.name} has the same content: was it renumbered? Restore the old number`;
  return {
    kind: "missing",
    name: entry.name,
    message: `${entry.name} is applied${when(entry)} and missing from the folder. ${hint}, or run \`migrate repair ${entry.name}\` if it is gone on purpose.`,
  };
}

function changed(file: KnownMigration, entry: AppliedMigration): HistoryConflict {
  return {
    kind: "changed",
    name: file.name,
    message: `${file.name} changed after it was applied${when(entry)} (recorded ${entry.checksum?.slice(0, 8)}…, file ${file.checksum.slice(0, 8)}…). Restore the file, or run \`migrate repair ${file.name}\` if the change is meant.`,
  };
}

function when({ appliedAt }: AppliedMigration): string {
  return appliedAt === null ? "" : ` on ${new Date(appliedAt).toISOString().slice(0, 10)}`;
}
