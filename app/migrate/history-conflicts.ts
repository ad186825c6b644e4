import type { KnownMigration } from "./history.ts";
import { describeUnfinished, settleBy } from "./half-done.ts";
import {
  versionOf,
  type AppliedMigration,
  type Contradiction,
  type LedgerState,
  type UnfinishedRun,
} from "./ledger.ts";

/** What is wrong with the history, each with the sentence that says so and what to do. */
export interface HistoryConflict {
  readonly kind:
    | "changed"
    | "missing"
    | "moved"
    | "collision"
    | "out-of-order"
    | "duplicate"
    | "lost"
    | "revived"
    | "undermined"
    | "unfinished"
    | "unrelated"
    | "foreign-history"
    | "nonempty-database";
  /** The recorded name; of `out-of-order`, the file's. */
  readonly name: string;
  /** The file that a moved or colliding migration is about. */
  readonly file?: string;
  readonly message: string;
}

export function contradicts({ name, kind }: Contradiction): HistoryConflict {
  const [says, but] =
    kind === "lost"
      ? ["the runs say that it is applied", "it is not in the table of applied names"]
      : ["the runs say that it is reverted", "it is in the table of applied names"];
  return {
    kind,
    name,
    message: `${name}: ${says}, but ${but}. Was a row removed, restored from a back-up, or written by hand? Look at the schema, then say how it is: \`migrate repair ${name} --as applied\` or \`--as pending\`.`,
  };
}

export function duplicated(name: string): HistoryConflict {
  return {
    kind: "duplicate",
    name,
    message: `${name} is recorded as applied more than once: did two runners run it? Look at what it made; \`migrate repair ${name}\` keeps the first of its rows.`,
  };
}

export function revertedBeneath({
  name,
  undermined,
  statementsDone,
  ...run
}: UnfinishedRun): HistoryConflict {
  return {
    kind: "undermined",
    name,
    message: `${name} stopped after statement ${statementsDone} of ${run.statementsTotal ?? "?"}, and then ${undermined} was reverted beneath it, perhaps with what those statements had done. Look at the schema, then say how it is: \`migrate repair ${name} --as pending\` (the next up runs it from its beginning) or \`--as applied\`.`,
  };
}

/** A revert that stopped half-way: neither applied nor reverted. */
export function halfReverted(run: UnfinishedRun, { applied }: LedgerState): HistoryConflict {
  const version = versionOf(run.name) ?? 0n;
  const count = applied.filter((entry) => (entry.version ?? 0n) >= version).length;
  return {
    kind: "unfinished",
    name: run.name,
    message: `${describeUnfinished(run)} Finish it with \`migrate down -n ${Math.max(1, count)}\`, or settle it: ${settleBy(run.name)}.`,
  };
}

/** Its file has another name or number now, or is gone: run under another name, it would begin at its beginning. */
export function halfDoneWithoutFile(run: UnfinishedRun, file: KnownMigration | undefined): HistoryConflict {
  const { name } = run;
  const where =
    file === undefined
      ? "Its file is not in the folder. Restore it"
      : file.checksum === run.checksum
        ? `The file with the same content is now called ${file.name}. Give it its old name back until it is finished`
        : `Its file is gone, and ${file.name} has its number. Restore the file and give the other one a free number`;
  return {
    kind: "unfinished",
    name,
    ...(file === undefined ? {} : { file: file.name }),
    message: `${describeUnfinished(run)} ${where}, or settle it: ${settleBy(name)}.`,
  };
}

export function moved(entry: AppliedMigration, { name }: KnownMigration): HistoryConflict {
  return {
    kind: "moved",
    name: entry.name,
    file: name,
    message: `${entry.name} was applied under that name${when(entry)}; the file with the same content is now called ${name}. Give it its old name back, or run \`migrate repair ${name}\` to move the record; nothing is run for that.`,
  };
}

export function collides(
  entry: AppliedMigration,
  file: KnownMigration,
  files: readonly KnownMigration[],
): HistoryConflict {
  const free = (files.at(-1)!.version + 1n).toString().padStart(file.versionText.length, "0");
  const content =
    entry.checksum === null ? "nobody recorded its content" : `its content is in no file of this folder`;
  return {
    kind: "collision",
    name: entry.name,
    file: file.name,
    message: `${entry.name} is applied${when(entry)}, and ${file.name} is another migration with the same number (${content}). Restore the file of ${entry.name}, and give ${file.name} a free number, for example ${free}.`,
  };
}

export function missing(entry: AppliedMigration): HistoryConflict {
  return {
    kind: "missing",
    name: entry.name,
    message: `${entry.name} is applied${when(entry)} and missing from the folder. Restore the file, or run \`migrate repair ${entry.name}\` if it is gone on purpose.`,
  };
}

export function changed(file: KnownMigration, entry: AppliedMigration): HistoryConflict {
  return {
    kind: "changed",
    name: file.name,
    message: `${file.name} changed after it was applied${when(entry)} (recorded ${entry.checksum?.slice(0, 8)}…, file ${file.checksum.slice(0, 8)}…). Restore the file, or run \`migrate repair ${file.name}\` if the change is meant.`,
  };
}

export function late(name: string, newest: string): HistoryConflict {
  return {
    kind: "out-of-order",
    name,
    message: `${name} is not applied and has a lower number than ${newest}, which is. Give it a number above all others, or run \`migrate up --allow-out-of-order\` if the order does not matter.`,
  };
}

export function unrelated({ applied }: LedgerState): HistoryConflict {
  const [first, last] = [applied[0]!.name, applied.at(-1)!.name];
  const which =
    applied.length === 1
      ? `The one migration that this database has recorded (${first}) is not`
      : `None of the ${applied.length} migrations that this database has recorded (${first} to ${last}) is`;
  return {
    kind: "unrelated",
    name: first,
    message: `${which} in the folder, by name or by content. Is it the wrong database, or the wrong image or folder (MIGRATIONS_DIR)?`,
  };
}

function when({ appliedAt }: AppliedMigration): string {
  return appliedAt === null ? "" : ` on ${new Date(appliedAt).toISOString().slice(0, 10)}`;
}
