import { nameOf, stampOf, stepsOf, type Content, type ModelFile } from "./content.ts";
import {
  compare,
  perform,
  without,
  type Comparison,
  type Entry,
  type Halted,
  type Interruption,
  type Task,
  type Truth,
} from "./reference.ts";
import { withoutInvalidIndexes, type SchemaState } from "./schema-state.ts";

/** One end that is right. A command may have several; the database says which one it took. */
export interface RightEnd {
  readonly codes: readonly number[];
  readonly truth: Truth;
  /** The message names at least one of these, unless there are none. */
  readonly names: readonly string[];
  /** What was run to get there. */
  readonly tasks: readonly Task[];
  readonly why: string;
}

const none: readonly Task[] = [];

function refusal(
  truth: Truth,
  codes: readonly number[],
  why: string,
  names: readonly string[] = [],
): RightEnd {
  return { codes, truth, names, tasks: none, why };
}

function nothing(truth: Truth, why: string): RightEnd {
  return refusal(truth, [0], why);
}

function attempt(truth: Truth, tasks: readonly Task[], why: string, interruption?: Interruption): RightEnd {
  const { truth: end, failed } = perform(truth, tasks, interruption);
  const after = end.redo !== undefined && isOpen(end, end.redo) ? end : { ...end, redo: undefined };
  return failed === undefined
    ? { codes: [0], truth: after, names: [], tasks, why }
    : { codes: [6], truth: after, names: [failed], tasks, why: `${failed} fails` };
}

/** Whether a redo of it is between its beginning and its end. */
function isOpen({ applied, halted }: Truth, name: string): boolean {
  const run = halted.get(name);
  return !applied.has(name) || (run !== undefined && isHard(run));
}

export function upTask(file: ModelFile): Task {
  return { name: nameOf(file), version: file.version, content: file.content, direction: "up" };
}

/** Halted with effects; a run that stopped before it did anything may be forgotten. */
function isHard({ done, remainder, isPastGate }: Halted): boolean {
  return done > 0 || remainder !== undefined || isPastGate;
}

function conflictNames({ edited, moved, collided, missing, outOfOrder }: Comparison, ooo: boolean): string[] {
  return [
    ...[...edited, ...moved, ...collided].flatMap(({ entry, file }) => [entry.name, nameOf(file)]),
    ...missing.map(({ name }) => name),
    ...(ooo ? [] : outOfOrder.map(nameOf)),
  ];
}

/** Whether a halted run may be taken up with this content: what is done of it is the same in both. */
export function resumable(halted: Halted, content: Content): boolean {
  const steps = stepsOf(content, halted.direction);
  return stepsOf(halted.content, halted.direction)
    .slice(0, halted.done)
    .every(
      (kind, index) =>
        kind === steps[index] && (kind !== "bump" || halted.content.revision === content.revision),
    );
}

export interface UpWish {
  readonly limit?: number | undefined;
  readonly to?: number | undefined;
  readonly outOfOrder?: boolean;
  readonly deferred?: boolean;
}

export function expectUp(truth: Truth, files: readonly ModelFile[], wish: UpWish): readonly RightEnd[] {
  const { to, limit, outOfOrder = false, deferred = false } = wish;
  if (to !== undefined && to !== 1 && !files.some(({ version }) => version === to))
    return [refusal(truth, [2, 7, 9], "there is no such version")];
  const found = compare(files, truth);
  const halted = [...truth.halted.values()];
  const breaking = found.ahead.filter((entry) => entry.breaking).map(({ name }) => name);
  const conflicts = conflictNames(found, outOfOrder);
  if (breaking.length > 0) {
    const others = [...conflicts, ...halted.map(({ name }) => name)];
    const codes = others.length > 0 ? [7, 9] : [9];
    return [refusal(truth, codes, "the image is too old", [...breaking, ...others])];
  }
  if (conflicts.length > 0) return [refusal(truth, [7], "files and history disagree", conflicts)];
  const byName = new Map(files.map((file) => [nameOf(file), file]));
  const newest = Math.max(1, ...files.map(({ version }) => version));
  const strays = halted.filter(
    (run) => !byName.has(run.name) && (run.direction === "up" || run.version <= newest),
  );
  if (strays.some((run) => isHard(run) && run.version <= newest))
    return [
      refusal(
        truth,
        [7],
        "a run is unsettled whose file is gone",
        strays.map(({ name }) => name),
      ),
    ];
  const mayRefuse: RightEnd[] =
    halted.length > 0
      ? [
          refusal(
            truth,
            [7],
            "a run is unsettled",
            halted.map(({ name }) => name),
          ),
        ]
      : [];
  const downs = halted.filter(({ direction, name }) => direction === "down" && name !== truth.redo);
  if (downs.some(isHard))
    return [
      refusal(
        truth,
        [7],
        "a down is unfinished",
        downs.map(({ name }) => name),
      ),
    ];
  const changed = halted.filter((run) => {
    const file = byName.get(run.name);
    return run.direction === "up" && file !== undefined && !resumable(run, file.content);
  });
  const chosen = found.pending.filter(
    ({ version, content }) => content.deferred === deferred && (to === undefined || version <= to),
  );
  const wanted = chosen.slice(0, limit ?? chosen.length);
  const ends: RightEnd[] = [];
  if (changed.length > 0) {
    const names = changed.map(({ name }) => name);
    ends.push(refusal(truth, [7], "an unfinished migration has changed", names));
    if (wanted.some((file) => names.includes(nameOf(file)))) return ends;
  }
  if (truth.redo !== undefined) {
    const file = byName.get(truth.redo);
    const rest = file === undefined ? none : redoTasks(truth, file);
    const name = truth.redo;
    const others = wanted.filter((other) => nameOf(other) !== name).map(upTask);
    ends.push(
      attempt(truth, rest, `the redo of ${name} is finished`),
      attempt(truth, [...rest, ...others], `the redo of ${name} is finished, and the rest applied`),
      attempt(
        truth,
        [...others, ...rest].toSorted((a, b) => a.version - b.version),
        `the same in order`,
      ),
    );
    if ((to !== undefined && file !== undefined && to < file.version) || deferred || limit !== undefined)
      ends.push(
        attempt(truth, wanted.map(upTask), "the redo is out of reach"),
        ...mayRefuse,
        refusal(truth, [7], "a redo is unfinished", [name]),
      );
    return ends;
  }
  const run = attempt(truth, wanted.map(upTask), wanted.length === 0 ? "nothing to do" : "applied");
  // A run that did nothing yet is as good as none: its migration may be out of order again.
  const isResumedFirst = halted.every(
    (stopped) => isHard(stopped) && wanted.some((file) => nameOf(file) === stopped.name),
  );
  return [run, ...ends, ...(isResumedFirst ? [] : mayRefuse)];
}

/** What is left of an interrupted redo, or all of one. */
function redoTasks(truth: Truth, file: ModelFile): readonly Task[] {
  const up = upTask(file);
  return truth.applied.has(up.name) ? [{ ...up, direction: "down" }, up] : [up];
}

export function byVersionDown(truth: Truth): readonly Entry[] {
  return [...truth.applied.values()].toSorted((a, b) => b.version - a.version);
}

/** Which text a down runs is known: the file's where there is one, else what the ledger kept. */
function downTasks(
  entries: readonly Entry[],
  files: readonly ModelFile[],
  prefersFile: boolean,
): readonly Task[] {
  return entries.map(({ name, version, content }) => {
    const file = files.find((candidate) => nameOf(candidate) === name);
    return { name, version, content: prefersFile && file ? file.content : content, direction: "down" };
  });
}

export function expectDown(truth: Truth, files: readonly ModelFile[], count: number): readonly RightEnd[] {
  const newestFirst = byVersionDown(truth);
  const chosen = newestFirst.slice(0, count === 0 ? undefined : count);
  const found = compare(files, truth);
  const halted = [...truth.halted.values()];
  const names = [...conflictNames(found, true), ...halted.map(({ name }) => name)];
  const mayRefuse: RightEnd[] =
    names.length > 0 || found.ahead.length > 0
      ? [refusal(truth, [7, 9], "what is unsettled is settled first", names)]
      : [];
  if (truth.redo !== undefined) return [refusal(truth, [7], "a redo is unfinished", [truth.redo])];
  const lowest =
    count === 0 || count > newestFirst.length ? 1 : Math.min(...chosen.map(({ version }) => version));
  const above = halted.filter((run) => run.direction === "up" && isHard(run) && run.version > lowest);
  if (above.length > 0 && chosen.length + 1 > 0)
    return [
      refusal(
        truth,
        [7],
        "an unsettled up is above",
        above.map(({ name }) => name),
      ),
    ];
  // The base has no way down, and comes last.
  if (count === 0 || count > newestFirst.length)
    return [refusal(truth, [7], "the base has no way down", ["000001_base", ...names])];
  const stuck = chosen.filter(({ name, content }) => {
    const file = files.find((candidate) => nameOf(candidate) === name);
    return (file?.content ?? content).irreversible;
  });
  if (stuck.length > 0)
    return [refusal(truth, [7], "no way down", [...stuck.map(({ name }) => name), ...names])];
  return [
    attempt(truth, downTasks(chosen, files, true), "reverted"),
    attempt(truth, downTasks(chosen, files, false), "reverted by the text of the ledger"),
    ...mayRefuse,
  ];
}

export function expectRedo(truth: Truth, files: readonly ModelFile[]): readonly RightEnd[] {
  const found = compare(files, truth);
  const halted = [...truth.halted.values()];
  const names = [...conflictNames(found, true), ...halted.map(({ name }) => name)];
  const mayRefuse: RightEnd[] =
    names.length > 0 || found.ahead.length > 0
      ? [refusal(truth, [7, 9], "what is unsettled is settled first", names)]
      : [];
  if (truth.redo !== undefined) {
    const name = truth.redo;
    const file = files.find((candidate) => nameOf(candidate) === name);
    if (file === undefined) return [refusal(truth, [2, 7], "the redo's file is gone", [name])];
    const changed = halted.some((run) => run.name === name && !resumable(run, file.content));
    const conflicts = conflictNames(found, true).filter((other) => other !== name);
    return [
      ...(changed ? [] : [redoing(truth, redoTasks(truth, file), name)]),
      ...(changed ||
      conflicts.length > 0 ||
      halted.some((run) => run.name !== name) ||
      file.content.irreversible
        ? [refusal(truth, [7], "the redo cannot be finished", [name, ...names])]
        : []),
    ];
  }
  const [newest] = byVersionDown(truth);
  if (newest === undefined)
    return [refusal(truth, [7], "the base has no way down", ["000001_base", ...names])];
  const file = files.find((candidate) => nameOf(candidate) === newest.name);
  if (file === undefined)
    return [refusal(truth, [2, 7, 9], "this image has no file of it", [newest.name, ...names])];
  const above = halted.filter((run) => run.direction === "up" && isHard(run) && run.version > newest.version);
  if (above.length > 0)
    return [
      refusal(
        truth,
        [7],
        "an unsettled up is above",
        above.map(({ name }) => name),
      ),
    ];
  if (file.content.irreversible) return [refusal(truth, [7], "no way down", [newest.name, ...names])];
  const up = upTask(file);
  const withFile = [{ ...up, direction: "down" } as const, up];
  const withLedger = [{ ...up, content: newest.content, direction: "down" } as const, up];
  return [redoing(truth, withFile, newest.name), redoing(truth, withLedger, newest.name), ...mayRefuse];
}

/** Between its two halves a redo is an intent. */
function redoing(truth: Truth, tasks: readonly Task[], name: string): RightEnd {
  const end = attempt({ ...truth, redo: undefined }, tasks, "redone");
  if (end.codes.includes(0)) return end;
  return { ...end, truth: { ...end.truth, redo: isOpen(end.truth, name) ? name : undefined } };
}

/** What interruption leaves of the end that was expected. */
export function interrupted(
  truth: Truth,
  { tasks }: RightEnd,
  interruption: Interruption,
  isRedo: boolean,
): ReturnType<typeof perform> {
  const cut = perform(isRedo ? { ...truth, redo: undefined } : truth, tasks, interruption);
  const name = isRedo ? tasks.at(-1)?.name : truth.redo;
  const redo = name !== undefined && isOpen(cut.truth, name) ? name : undefined;
  return { ...cut, truth: { ...cut.truth, redo } };
}

export function expectRepairAll(truth: Truth, files: readonly ModelFile[]): readonly RightEnd[] {
  const found = compare(files, truth);
  const applied = new Map(truth.applied);
  for (const { entry, file } of found.edited) {
    if (!isHarmless(entry, file) || truth.halted.has(entry.name)) continue;
    applied.set(entry.name, restamped(entry, file));
  }
  for (const { entry, file } of found.moved) {
    if (truth.halted.has(entry.name)) continue;
    applied.delete(entry.name);
    applied.set(nameOf(file), { ...entry, name: nameOf(file), version: file.version });
  }
  const after = { ...truth, applied };
  // What takes a person's word is left, and said.
  const left = [
    ...found.edited
      .filter(({ entry, file }) => !isHarmless(entry, file) || truth.halted.has(entry.name))
      .map(({ entry }) => entry.name),
    ...found.moved.filter(({ entry }) => truth.halted.has(entry.name)).map(({ entry }) => entry.name),
    ...found.collided.map(({ entry }) => entry.name),
    ...found.missing.map(({ name }) => name),
  ];
  const ends = [after, withoutCarcasses(after)];
  return left.length > 0
    ? ends.map((end) => refusal(end, [7], "something is left to a person", left))
    : ends.map((end) => ({ ...nothing(end, "repaired"), codes: truth.halted.size > 0 ? [0, 7] : [0] }));
}

/** A change of comments alone; directives are none. */
function isHarmless(entry: Entry, { content }: ModelFile): boolean {
  const agreed = JSON.parse(entry.stamp) as Content;
  return agreed.revision === content.revision && agreed.breaking === content.breaking;
}

function restamped(entry: Entry, { content }: ModelFile): Entry {
  return { ...entry, stamp: stampOf(content), breaking: content.breaking };
}

/** As `repair` may leave it: indexes that interrupted builds left INVALID are dropped. */
function withoutCarcasses(truth: Truth): Truth {
  const schema: SchemaState = withoutInvalidIndexes(truth.schema);
  const halted = new Map(truth.halted);
  for (const [name, run] of halted) {
    if (run.remainder !== "half" || stepsOf(run.content, run.direction)[run.done] !== "index") continue;
    halted.set(name, { ...run, remainder: run.direction === "up" ? undefined : "done" });
  }
  return { ...truth, schema, halted };
}

export function expectRepair(
  truth: Truth,
  files: readonly ModelFile[],
  name: string,
  settleAs?: "applied" | "pending",
): readonly RightEnd[] {
  const found = compare(files, truth);
  const file = files.find((candidate) => nameOf(candidate) === name);
  const run = truth.halted.get(name);
  const ends: RightEnd[] = [];
  if (run !== undefined) {
    if (settleAs === undefined) ends.push(refusal(truth, [2, 7], "say how it stands", [name]));
    else ends.push(nothing(settledByPerson(truth, run, file, settleAs), `settled as ${settleAs}`));
    // A run that did nothing yet may be forgotten.
    if (!isHard(run)) ends.push(refusal(truth, [2, 7], "nothing is unfinished"));
    return ends;
  }
  if (settleAs !== undefined) return settling(truth, found, file, name, settleAs);
  const edit = found.edited.find(({ entry }) => entry.name === name);
  const move = found.moved.find(({ entry, file: to }) => entry.name === name || nameOf(to) === name);
  const lost = [...found.missing, ...found.collided.map(({ entry }) => entry)].find(
    (entry) => entry.name === name,
  );
  const conflict = edit?.entry ?? move?.entry ?? lost;
  if (conflict !== undefined && truth.halted.has(conflict.name))
    ends.push(refusal(truth, [2, 7], "a half-done run is settled first", [conflict.name]));
  else if (edit !== undefined)
    ends.push(
      nothing(
        { ...truth, applied: new Map(truth.applied).set(name, restamped(edit.entry, edit.file)) },
        "restamped",
      ),
    );
  else if (move !== undefined) {
    const applied = new Map(truth.applied);
    applied.delete(move.entry.name);
    applied.set(nameOf(move.file), { ...move.entry, name: nameOf(move.file), version: move.file.version });
    ends.push(nothing({ ...truth, applied }, "moved"));
  } else if (lost !== undefined)
    ends.push(nothing({ ...truth, applied: without(truth.applied, name) }, "forgotten"));
  else ends.push(refusal(truth, [2, 7], "nothing about it needs repair"));
  return ends;
}

/** What a person says of a migration of which nothing is halted. */
function settling(
  truth: Truth,
  found: Comparison,
  file: ModelFile | undefined,
  name: string,
  settleAs: "applied" | "pending",
): readonly RightEnd[] {
  const refused = refusal(truth, [2, 7], "there is nothing to settle");
  const redo = truth.redo === name ? undefined : truth.redo;
  const isPending = file !== undefined && (found.pending.includes(file) || truth.redo === name);
  if (!isPending)
    return redo === truth.redo ? [refused] : [nothing({ ...truth, redo }, "the redo is settled"), refused];
  const rival = found.collided.find((collision) => collision.file === file);
  // With two of one number the other one is settled first, or both at once.
  const isRefusable: RightEnd[] = rival === undefined ? [] : [refused];
  if (settleAs === "pending") return [nothing({ ...truth, redo }, "it is pending"), ...isRefusable];
  const applied = new Map(withEntry(truth, file));
  const alone = new Map(applied);
  if (rival !== undefined) alone.delete(rival.entry.name);
  return [
    nothing({ ...truth, redo, applied: alone }, "recorded as applied"),
    ...(rival === undefined ? [] : [nothing({ ...truth, redo, applied }, "recorded as applied, too")]),
    ...isRefusable,
  ];
}

function settledByPerson(
  truth: Truth,
  run: Halted,
  file: ModelFile | undefined,
  as: "applied" | "pending",
): Truth {
  const applied = new Map(truth.applied);
  const { name, version, content } = run;
  if (as === "pending") applied.delete(name);
  else if (!applied.has(name)) {
    const accepted = file?.content ?? content;
    const { breaking, deferred } = accepted;
    applied.set(name, { name, version, content: accepted, stamp: stampOf(accepted), breaking, deferred });
  }
  const redo = truth.redo === name ? undefined : truth.redo;
  return { ...truth, applied, halted: without(truth.halted, name), redo };
}

function withEntry({ applied }: Truth, file: ModelFile): ReadonlyMap<string, Entry> {
  const { content, version } = file;
  const { breaking, deferred } = content;
  return new Map(applied).set(nameOf(file), {
    name: nameOf(file),
    version,
    content,
    stamp: stampOf(content),
    breaking,
    deferred,
  });
}

export function expectBaseline(
  truth: Truth,
  files: readonly ModelFile[],
  version: number,
): readonly RightEnd[] {
  if (version !== 1 && !files.some((file) => file.version === version))
    return [refusal(truth, [2, 7, 9], "there is no such version")];
  const found = compare(files, truth);
  // The other one of two with the same number is settled by name, too.
  const meant = found.pending.filter(
    (file) => file.version <= version && !found.collided.some((collision) => collision.file === file),
  );
  const names = [
    ...conflictNames(found, true),
    ...truth.halted.keys(),
    ...(truth.redo === undefined ? [] : [truth.redo]),
  ];
  let applied = truth.applied;
  let { halted } = truth;
  for (const file of meant) {
    applied = withEntry({ ...truth, applied }, file);
    halted = without(halted, nameOf(file));
  }
  const after = { ...truth, applied, halted };
  const mayRefuse =
    names.length > 0 || found.ahead.length > 0 ? [refusal(truth, [7, 9], "unsettled", names)] : [];
  // What is half done is settled by name, not in passing.
  const isHalfDone = (name: string): boolean => {
    const run = truth.halted.get(name);
    return (run !== undefined && isHard(run)) || truth.redo === name;
  };
  return meant.some((file) => isHalfDone(nameOf(file)))
    ? mayRefuse
    : [nothing(after, "recorded"), ...mayRefuse];
}

export function expectCheck(truth: Truth, files: readonly ModelFile[]): readonly RightEnd[] {
  const found = compare(files, truth);
  const conflicts = conflictNames(found, false);
  const breaking = found.ahead.filter((entry) => entry.breaking);
  const newest = Math.max(1, ...files.map(({ version }) => version));
  const hard = [...truth.halted.values()].filter((run) => isHard(run) && run.version <= newest);
  const isPending = found.pending.some(({ content }) => !content.deferred);
  const codes = new Set<number>();
  if (breaking.length > 0) codes.add(9);
  if (conflicts.length > 0) codes.add(7);
  const isRedoOpen = truth.redo !== undefined && Number.parseInt(truth.redo, 10) <= newest;
  if (codes.size === 0 && (hard.length > 0 || isRedoOpen)) codes.add(3).add(7);
  else if (codes.size === 0) {
    if (truth.halted.size > 0 || truth.redo !== undefined) codes.add(3).add(7);
    codes.add(isPending ? 3 : 0);
    if (found.pending.length > 0) codes.add(3);
  }
  if (found.outOfOrder.length > 0) codes.add(3);
  return [refusal(truth, [...codes], "the answer of check")];
}
