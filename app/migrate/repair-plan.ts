import { AppError } from "../errors.ts";
import type { History, HistoryConflict, KnownMigration } from "./history.ts";
import type { InvalidIndex } from "./invalid-index.ts";
import { versionOf, type LedgerState } from "./ledger.ts";
import { describeUnfinished, settleBy } from "./half-done.ts";

/** One change of the ledger, or one index to drop, and the sentence that says what it will do. */
export interface RepairAction {
  readonly kind:
    | "restamp"
    | "move"
    | "forget"
    | "replace"
    | "deduplicate"
    | "settle-applied"
    | "settle-pending"
    | "drop-index";
  /** The recorded name; of an index, its own. */
  readonly name: string;
  readonly sentence: string;
  /** The migration as this image has it. */
  readonly file: KnownMigration | undefined;
}

/** What is wrong and is not repaired by itself, with what a person may type. */
export interface Left {
  readonly name: string;
  readonly sentence: string;
}

export interface RepairPlan {
  readonly actions: readonly RepairAction[];
  readonly left: readonly Left[];
}

export interface RepairWish {
  /** A migration by version or name, or an index; without it, everything that needs no person's word. */
  readonly only: string | undefined;
  /** What a person says of that migration: its effects are there, or none of them is. */
  readonly settleAs: "applied" | "pending" | undefined;
}

/** Whether an edited file does the same as what was recorded: its parse tree and its directives are the same. */
export type IsSameCode = (file: KnownMigration) => boolean;

/**
 * What a repair would do. Pure. By itself it moves a record to the new name of the same content, stamps an edit of
 * comments and white space, removes duplicates and drops invalid indexes: the schema is what the files say then. All
 * else takes a person who names the migration. Nothing that has not run is recorded as applied unless a person named it
 * with `--as applied`.
 *
 * @throws AppError `usage` when the wish names nothing that needs repair, or not enough
 */
export function planRepair(
  history: History,
  ledger: LedgerState,
  known: readonly KnownMigration[],
  wish: RepairWish,
  isSameCode: IsSameCode,
  indexes: readonly InvalidIndex[] = [],
): RepairPlan {
  const { only, settleAs } = wish;
  if (settleAs !== undefined) {
    if (only === undefined) throw needsName(settleAs);
    return { actions: [settle(history, ledger, known, only, settleAs)], left: [] };
  }
  const actions: RepairAction[] = [];
  const left: Left[] = [];
  for (const conflict of history.conflicts) {
    const file = known.find(({ name }) => name === (conflict.file ?? conflict.name));
    if (!isMeant(only, conflict)) continue;
    const halted = history.unfinished.find(({ name }) => name === conflict.name);
    if (halted !== undefined && !inConflict.has(conflict.kind)) {
      // A new record of it would hide that it is half-done.
      const sentence = `${describeUnfinished(halted)} Give it its file back and finish it, or settle it first: ${settleBy(halted.name)}.`;
      left.push({ name: halted.name, sentence });
      continue;
    }
    const found = repairOf(conflict, file, only !== undefined, isSameCode);
    if ("kind" in found) actions.push(found);
    else left.push(found);
  }
  for (const run of history.unfinished) {
    if (only !== undefined && !isName(only, run.name)) continue;
    // What is wrong with it is a conflict already.
    if (history.conflicts.some(({ kind, name }) => name === run.name && inConflict.has(kind))) continue;
    const how =
      run.direction === "up" || run.isRedo ? "`migrate up` finishes it" : "`migrate down` finishes it";
    const sentence = `${describeUnfinished(run)} ${how}; or look at the schema, finish it or take it back by hand, and say how it is: ${settleBy(run.name)}.`;
    if (only !== undefined) throw new AppError("usage", sentence);
    // The next run finishes it by itself, unless something stands against that.
    if (run.resumeBlocked !== null) left.push({ name: run.name, sentence });
  }
  for (const { name, table, bytes, builtBy, isRequired } of indexes) {
    // What somebody is building is nothing to repair.
    if (builtBy !== null || isRequired || !(only === undefined || only === name)) continue;
    const sentence = `${name} on ${table} (${bytes} bytes): drop this invalid index, which no query uses.`;
    actions.push({ kind: "drop-index", name, file: undefined, sentence });
  }
  if (only !== undefined && actions.length === 0) {
    throw new AppError("usage", left[0]?.sentence ?? `Nothing about ${only} needs repair.`);
  }
  return { actions, left };
}

/** Conflicts whose message says already that a run is half-done. */
const inConflict: ReadonlySet<string> = new Set(["undermined", "unfinished"]);

function repairOf(
  { kind, name, message }: HistoryConflict,
  file: KnownMigration | undefined,
  isNamed: boolean,
  isSameCode: IsSameCode,
): RepairAction | Left {
  const action = (what: RepairAction["kind"], sentence: string): RepairAction => ({
    kind: what,
    name,
    file,
    sentence: `${name}: ${sentence}`,
  });
  switch (kind) {
    case "changed":
      if (file !== undefined && isSameCode(file))
        return action(
          "restamp",
          "record the checksum of the file as it is now; only comments or white space changed.",
        );
      return isNamed
        ? action("restamp", "record the checksum of the file as it is now; the schema stays as it is.")
        : { name, sentence: message };
    case "moved":
      return action(
        "move",
        `record it under its new name ${file?.name}, which has the same content; nothing is run.`,
      );
    case "duplicate":
      return action("deduplicate", "keep the first of its rows in the table of applied migrations.");
    case "missing":
    case "collision":
      return isNamed
        ? action("forget", "forget that it was applied; what it made stays in the schema.")
        : { name, sentence: message };
    case "lost":
    case "revived":
    case "undermined":
    case "unfinished":
    case "out-of-order":
    case "unrelated":
    case "foreign-history":
    case "nonempty-database":
      return { name, sentence: message };
    // The compiler knows that there is no other; the linter wants a return all the same.
    default:
      return kind satisfies never;
  }
}

/** What a person says of one migration, whatever the ledger says of it. */
function settle(
  history: History,
  ledger: LedgerState,
  known: readonly KnownMigration[],
  only: string,
  settleAs: "applied" | "pending",
): RepairAction {
  const conflict = history.conflicts.find(({ name, file }) => only === name || only === file);
  const candidates = new Set([
    ...history.unfinished.map(({ name }) => name),
    ...ledger.contradictions.map(({ name }) => name),
    ...history.pending.map(({ name }) => name),
    ...(ledger.openRedo === undefined ? [] : [ledger.openRedo]),
  ]);
  const names = [...candidates].filter((name) => isName(only, name));
  if (conflict?.kind === "collision" && conflict.file === only && settleAs === "applied") {
    const file = known.find(({ name }) => name === only);
    const sentence = `${only}: record it as applied, and forget ${conflict.name}, which has the same number; nothing is run.`;
    return { kind: "replace", name: conflict.name, file, sentence };
  }
  if (names.length > 1)
    throw new AppError("usage", `${only} is ${names.join(" or ")}; say which, by its name.`);
  const [name] = names;
  if (name === undefined) {
    throw new AppError("usage", `Nothing about ${only} needs repair: it is neither half-done nor pending.`);
  }
  const sentence =
    settleAs === "applied"
      ? "record it as applied; nothing is run."
      : "record it as not applied; the next up runs it from its beginning.";
  return {
    kind: `settle-${settleAs}`,
    name,
    file: known.find((file) => file.name === name),
    sentence: `${name}: ${sentence}`,
  };
}

function isMeant(only: string | undefined, { kind, name, file }: HistoryConflict): boolean {
  if (only === undefined) return true;
  // A number alone is two migrations there.
  if (kind === "collision") return only === name;
  return only === file || isName(only, name) || (file !== undefined && isName(only, file));
}

/** Whether somebody who typed this means the migration: by its name or its number. */
function isName(only: string, name: string): boolean {
  return only === name || (/^\d+$/.test(only) && BigInt(only) === versionOf(name));
}

function needsName(settleAs: string): AppError {
  return new AppError(
    "usage",
    `Say which migration is ${settleAs}, by its name: migrate repair NAME --as ${settleAs}.`,
  );
}
