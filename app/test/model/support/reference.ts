import {
  canBeHalfDone,
  nameOf,
  stampOf,
  stepsOf,
  type Content,
  type Direction,
  type ModelFile,
} from "./content.ts";
import { takeHalfStep, takeStep, type Remainder, type SchemaState } from "./schema-state.ts";

/** A migration that is applied, as somebody who saw everything would have written it down. */
export interface Entry {
  readonly name: string;
  readonly version: number;
  /** What ran. */
  readonly content: Content;
  /** The text that was last agreed to: what ran, or what a person accepted since. */
  readonly stamp: string;
  readonly breaking: boolean;
  readonly deferred: boolean;
}

/** A run outside a transaction that stopped on its way. */
export interface Halted {
  readonly name: string;
  readonly version: number;
  readonly direction: Direction;
  readonly content: Content;
  readonly done: number;
  readonly remainder: Remainder | undefined;
  /** Whether it stopped behind the gate of its step, which is not passed again. */
  readonly isPastGate: boolean;
}

/** What has truly happened to the database. */
export interface Truth {
  readonly applied: ReadonlyMap<string, Entry>;
  readonly halted: ReadonlyMap<string, Halted>;
  /** The name of a migration whose redo was interrupted behind its beginning. */
  readonly redo: string | undefined;
  readonly schema: SchemaState;
}

/** One migration to run in one direction. */
export interface Task {
  readonly name: string;
  readonly version: number;
  readonly content: Content;
  readonly direction: Direction;
}

/** Where a run is to be interrupted: at which step of all that it takes, and at which moment of it. */
export interface Interruption {
  readonly step: number;
  readonly moment: "before" | "in" | "after";
}

export interface Performed {
  readonly truth: Truth;
  /** The migration that failed. */
  readonly failed: string | undefined;
  /** Where the interruption struck. */
  readonly struck:
    { readonly task: Task; readonly step: number; readonly moment: Interruption["moment"] } | undefined;
  /** How many steps were taken. */
  readonly steps: number;
}

/** What a perfect runner makes of these tasks, one after the other, until one fails or the run is interrupted. */
export function perform(start: Truth, tasks: readonly Task[], interruption?: Interruption): Performed {
  let truth = start;
  let steps = 0;
  for (const task of tasks) {
    const { name, version, content, direction } = task;
    const resumed = truth.halted.get(name);
    const isResumed = content.noTransaction && resumed?.direction === direction;
    let { schema } = truth;
    const halt = (done: number, isPastGate: boolean, remainder?: Remainder): Truth => {
      if (!content.noTransaction) return truth;
      const halted = { name, version, direction, content, done, remainder, isPastGate };
      return { ...truth, schema, halted: new Map(truth.halted).set(name, halted) };
    };
    for (const [index, kind] of stepsOf(content, direction).entries()) {
      if (isResumed && index < resumed.done) continue;
      const isFirst = isResumed && index === resumed.done;
      const remainder = isFirst ? resumed.remainder : undefined;
      const hasGate = !(isFirst && resumed.isPastGate);
      const halves = content.noTransaction && canBeHalfDone(kind, direction) && remainder === undefined;
      const next = takeStep(schema, kind, direction, content, remainder);
      if (hasGate && steps === interruption?.step) {
        const moment = halves && next !== undefined ? interruption.moment : "before";
        const struck = { task, step: index, moment };
        if (moment === "in") schema = takeHalfStep(schema, kind, content);
        if (moment === "after") schema = next ?? schema;
        const left = moment === "before" ? remainder : moment === "in" ? "half" : "done";
        return { truth: halt(index, moment !== "before", left), failed: undefined, struck, steps };
      }
      if (hasGate) steps += 1;
      if (next === undefined) return { truth: halt(index, true), failed: name, struck: undefined, steps };
      schema = next;
    }
    truth = settled({ ...truth, schema }, task);
  }
  return { truth, failed: undefined, struck: undefined, steps };
}

/** The truth once this task is complete. */
function settled(truth: Truth, { name, version, content, direction }: Task): Truth {
  const { breaking, deferred } = content;
  const applied = new Map(truth.applied);
  if (direction === "up")
    applied.set(name, { name, version, content, stamp: stampOf(content), breaking, deferred });
  else applied.delete(name);
  return { ...truth, applied, halted: without(truth.halted, name) };
}

export function without<T>(map: ReadonlyMap<string, T>, name: string): ReadonlyMap<string, T> {
  const next = new Map(map);
  next.delete(name);
  return next;
}

/** How the files of an image and the truth differ. */
export interface Comparison {
  readonly edited: readonly { readonly entry: Entry; readonly file: ModelFile }[];
  readonly moved: readonly { readonly entry: Entry; readonly file: ModelFile }[];
  readonly collided: readonly { readonly entry: Entry; readonly file: ModelFile }[];
  readonly missing: readonly Entry[];
  readonly ahead: readonly Entry[];
  /** In the order of their numbers. */
  readonly pending: readonly ModelFile[];
  readonly outOfOrder: readonly ModelFile[];
}

/** Whose first migration, the base, is left out on both sides. */
export function compare(files: readonly ModelFile[], truth: Truth): Comparison {
  const byName = new Map(files.map((file) => [nameOf(file), file]));
  const newest = Math.max(1, ...files.map(({ version }) => version));
  const entries = [...truth.applied.values()];
  const strangers = entries.filter(({ name }) => !byName.has(name));
  const unseen = files.filter((file) => !truth.applied.has(nameOf(file)));
  const moved = strangers.flatMap((entry) => {
    const same = files.filter(({ content }) => stampOf(content) === entry.stamp);
    const alike = entries.filter(({ stamp }) => stamp === entry.stamp);
    const [file] = same;
    return same.length === 1 && alike.length === 1 && file !== undefined && unseen.includes(file)
      ? [{ entry, file }]
      : [];
  });
  const left = strangers.filter((entry) => !moved.some((move) => move.entry === entry));
  const collided = left.flatMap((entry) => {
    const file = files.find(({ version }) => version === entry.version);
    return file === undefined ? [] : [{ entry, file }];
  });
  const others = left.filter((entry) => !collided.some((collision) => collision.entry === entry));
  const pending = unseen
    .filter((file) => !moved.some((move) => move.file === file))
    .toSorted((a, b) => a.version - b.version);
  const highest = Math.max(1, ...entries.filter(({ deferred }) => !deferred).map(({ version }) => version));
  return {
    edited: entries.flatMap((entry) => {
      const file = byName.get(entry.name);
      return file === undefined || stampOf(file.content) === entry.stamp ? [] : [{ entry, file }];
    }),
    moved,
    collided,
    missing: others.filter(({ version }) => version <= newest),
    ahead: others.filter(({ version }) => version > newest),
    pending,
    outOfOrder: pending.filter(
      (file) => file.version < highest && !file.content.deferred && !truth.halted.has(nameOf(file)),
    ),
  };
}
