import type { AsyncCommand } from "fast-check";
import { nameOf, partitions, type Content, type ModelFile, type StepKind } from "./content.ts";
import {
  expectBaseline,
  expectCheck,
  expectDown,
  expectRedo,
  expectRepair,
  expectRepairAll,
  expectUp,
  interrupted,
  type RightEnd,
} from "./expect.ts";
import type { Interruption, Performed, Truth } from "./reference.ts";
import { describeSchema, emptySchema } from "./schema-state.ts";
import type { Blow, Seen, Stage } from "./stage.ts";

/** The model: what is in the folders, and what has truly happened. Commands change it. */
export interface Model {
  files: readonly ModelFile[];
  /** The image before this one. */
  older: readonly ModelFile[];
  truth: Truth;
  nextId: number;
  /** What was done, in words. */
  readonly told: string[];
}

export function createModel(): Model {
  return {
    files: [],
    older: [],
    truth: { applied: new Map(), halted: new Map(), redo: undefined, schema: emptySchema },
    nextId: 1,
    told: [],
  };
}

export type ModelCommand = AsyncCommand<Model, Stage>;

/** The answer or the database is not what it may be. */
export class Violation extends Error {
  constructor(
    what: string,
    ends: readonly RightEnd[],
    seen: Seen,
    looked: { names: readonly string[]; schema: string },
  ) {
    const allowed = ends.map(
      ({ codes, truth, names, why }) =>
        `  exit ${codes.join(" or ")} (${why})${names.length > 0 ? `, naming ${names.join(" or ")}` : ""}\n    applied: ${appliedOf(truth).join(" ") || "none"}\n    ${describeSchema(truth.schema)}`,
    );
    super(
      `${what} ended with ${seen.code ?? "a kill"}\n    applied: ${looked.names.join(" ") || "none"}\n    ${looked.schema}\nRight would be:\n${[...new Set(allowed)].join("\n")}\nIt said:\n${seen.output}`,
    );
    this.name = "Violation";
  }
}

function appliedOf({ applied }: Truth): string[] {
  return [...applied.keys()].toSorted();
}

/** Finds the right end that was reached, and follows it. */
async function follow(
  model: Model,
  stage: Stage,
  what: string,
  ends: readonly RightEnd[],
  seen: Seen,
): Promise<void> {
  const looked = await stage.look();
  model.told.push(what);
  const reached = ends.find(
    ({ codes, truth, names }) =>
      (seen.code === undefined || codes.includes(seen.code)) &&
      (names.length === 0 || seen.code === undefined || names.some((name) => seen.output.includes(name))) &&
      appliedOf(truth).join() === looked.names.join() &&
      describeSchema(truth.schema) === looked.schema,
  );
  if (reached === undefined) throw new Violation(what, ends, seen, looked);
  model.truth = reached.truth;
}

/** Changes files; nothing is run. */
class Edit implements ModelCommand {
  readonly words: string;
  readonly isPossible: (model: Model) => boolean;
  readonly change: (model: Model) => string;

  constructor(words: string, isPossible: (model: Model) => boolean, change: (model: Model) => string) {
    this.words = words;
    this.isPossible = isPossible;
    this.change = change;
  }

  check(model: Readonly<Model>): boolean {
    return this.isPossible(model);
  }
  async run(model: Model): Promise<void> {
    model.told.push(this.change(model));
    await Promise.resolve();
  }

  toString(): string {
    return this.words;
  }
}

/** What of the number `at` is a place in the list. */
function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length]!;
}

function sorted(files: readonly ModelFile[]): readonly ModelFile[] {
  return files.toSorted((a, b) => a.version - b.version);
}

function highest(files: readonly ModelFile[]): number {
  return Math.max(1, ...files.map(({ version }) => version));
}

export interface Plan {
  readonly steps: readonly StepKind[];
  readonly noTransaction: boolean;
  readonly breaking: boolean;
  readonly deferred: boolean;
  readonly irreversible: boolean;
}

function createContent(model: Model, plan: Plan): Content {
  const id = model.nextId++;
  const alone = (kind: StepKind): boolean => kind === "index" || kind === "detach";
  const noTransaction = plan.noTransaction || plan.steps.some(alone);
  const steps = plan.steps.filter((kind) => kind !== "detach" || id <= partitions);
  return { ...plan, id, revision: 0, note: 0, steps: ["bump", ...steps], noTransaction };
}

function describeContent({ id, steps, noTransaction, breaking, deferred, irreversible }: Content): string {
  const marks = [
    ...(noTransaction ? ["no-transaction"] : []),
    ...(breaking ? ["breaking"] : []),
    ...(deferred ? ["deferred"] : []),
    ...(irreversible ? ["irreversible"] : []),
  ];
  return `migration ${id} (${steps.join(", ")}${marks.length > 0 ? `; ${marks.join(", ")}` : ""})`;
}

export function add(plan: Plan, gap: number): ModelCommand {
  return new Edit(
    "add a migration",
    ({ files }) => files.length < 8,
    (model) => {
      const content = createContent(model, plan);
      const free = [2, 3, 4, 5, 6, 7, 8].filter(
        (n) => n < highest(model.files) && !model.files.some(({ version }) => version === n),
      );
      // Mostly at the end; sometimes on a number that was left free.
      const version = gap > 0 && free.length > 0 ? pick(free, gap) : highest(model.files) + 1 + (gap % 2);
      const file = { version, label: `m${content.id}`, content };
      model.files = sorted([...model.files, file]);
      return `add ${nameOf(file)}: ${describeContent(content)}`;
    },
  );
}

function editOne(
  words: string,
  at: number,
  edit: (file: ModelFile, model: Model) => ModelFile | undefined,
): ModelCommand {
  return new Edit(
    words,
    ({ files }) => files.length > 0,
    (model) => {
      const file = pick(model.files, at);
      const next = edit(file, model);
      if (next !== undefined)
        model.files = sorted(model.files.map((other) => (other === file ? next : other)));
      return next === undefined
        ? `${words} of ${nameOf(file)} (not now)`
        : `${words} of ${nameOf(file)}${nameOf(next) === nameOf(file) ? "" : `: now ${nameOf(next)}`}`;
    },
  );
}

export function editComment(at: number): ModelCommand {
  return editOne("edit a comment", at, (file) => ({
    ...file,
    content: { ...file.content, note: file.content.note + 1 },
  }));
}

export function editStatements(at: number): ModelCommand {
  return editOne("edit the statements", at, (file, { truth }) => {
    // What a half-done statement has left is known only as long as the statement is.
    if (truth.halted.get(nameOf(file))?.remainder !== undefined) return undefined;
    const { steps, revision } = file.content;
    return {
      ...file,
      content: { ...file.content, revision: revision + 1, steps: steps.filter((kind) => kind !== "fail") },
    };
  });
}

export function toggleBreaking(at: number): ModelCommand {
  return editOne("add or remove `breaking`", at, (file) => ({
    ...file,
    content: { ...file.content, breaking: !file.content.breaking },
  }));
}

export function rename(at: number): ModelCommand {
  return editOne("rename", at, (file) => ({ ...file, label: `${file.label}x` }));
}

export function renumber(at: number, to: number): ModelCommand {
  return editOne("renumber", at, (file, { files }) => {
    const free = [2, 3, 4, 5, 6, 7, 8, highest(files) + 1].filter(
      (n) => !files.some(({ version }) => version === n),
    );
    return { ...file, version: to === 0 ? highest(files) + 1 : pick(free, to) };
  });
}

export function remove(at: number): ModelCommand {
  return new Edit(
    "remove a migration",
    ({ files }) => files.length > 0,
    (model) => {
      const file = pick(model.files, at);
      model.files = model.files.filter((other) => other !== file);
      return `remove ${nameOf(file)}`;
    },
  );
}

/** Another branch took this number first; ours is renumbered behind all others. */
export function merge(at: number, plan: Plan): ModelCommand {
  return new Edit(
    "merge a branch",
    ({ files }) => files.length > 0 && files.length < 8,
    (model) => {
      const ours = pick(model.files, at);
      const content = createContent(model, plan);
      const theirs = { version: ours.version, label: `m${content.id}`, content };
      const moved = { ...ours, version: highest(model.files) + 1 };
      model.files = sorted([...model.files.filter((file) => file !== ours), theirs, moved]);
      return `merge a branch with ${nameOf(theirs)}: ${describeContent(content)}; ${nameOf(ours)} becomes ${nameOf(moved)}`;
    },
  );
}

/** Another branch took this number, and ours is dropped from the folder. */
export function replace(at: number, plan: Plan): ModelCommand {
  return new Edit(
    "replace a migration",
    ({ files }) => files.length > 0,
    (model) => {
      const ours = pick(model.files, at);
      const content = createContent(model, plan);
      const theirs = { version: ours.version, label: `m${content.id}`, content };
      model.files = sorted([...model.files.filter((file) => file !== ours), theirs]);
      return `replace ${nameOf(ours)} by ${nameOf(theirs)}: ${describeContent(content)}`;
    },
  );
}

export function release(): ModelCommand {
  return new Edit(
    "release: the folder as it is becomes the older image",
    () => true,
    (model) => {
      model.older = model.files;
      return "release: the folder as it is becomes the older image";
    },
  );
}

export function checkout(): ModelCommand {
  return new Edit(
    "take the folder of the older image back",
    ({ older, files }) => older !== files,
    (model) => {
      model.files = model.older;
      return "take the folder of the older image back";
    },
  );
}

/** How a run is struck, at which of its steps, and at which moment of that. */
export interface Struck {
  readonly how: Blow;
  readonly at: number;
  readonly moment: Interruption["moment"];
}

interface Call {
  readonly argv: readonly string[];
  readonly files: readonly ModelFile[];
  readonly ends: readonly RightEnd[];
  readonly isRedo?: boolean;
}

/** What may be there when a run was struck at this point: it may have come there by each of the ends. */
function cutsAt(
  truth: Truth,
  ends: readonly RightEnd[],
  struck: NonNullable<Performed["struck"]>,
  isRedo: boolean,
): readonly RightEnd[] {
  const { task, step, moment } = struck;
  const cuts: RightEnd[] = [];
  for (const end of ends) {
    const { steps } = interrupted(truth, end, { step: -1, moment }, isRedo);
    for (let at = 0; at < steps; at++) {
      const cut = interrupted(truth, end, { step: at, moment }, isRedo);
      const where = cut.struck;
      if (where?.task.name !== task.name || where.task.direction !== task.direction) continue;
      if (where.step !== step || where.moment !== moment) continue;
      cuts.push({ codes: [4, 6, 7], truth: cut.truth, names: [], tasks: [], why: `${end.why}, interrupted` });
    }
  }
  return cuts;
}

/** Runs the program; with `blow` it is struck on its way, if there is a way. */
class Run implements ModelCommand {
  readonly words: string;
  readonly prepare: (model: Model) => Call | undefined;
  readonly blow: Struck | undefined;

  constructor(words: string, prepare: (model: Model) => Call | undefined, blow?: Struck) {
    this.words = words;
    this.prepare = prepare;
    this.blow = blow;
  }

  check(model: Readonly<Model>): boolean {
    return this.prepare(model) !== undefined;
  }
  async run(model: Model, stage: Stage): Promise<void> {
    const call = this.prepare(model)!;
    const { argv, files, ends, isRedo = false } = call;
    let done = `migrate ${argv.join(" ")}${files === model.older && files !== model.files ? " with the older image" : ""}`;
    const [hoped] = ends;
    const { blow } = this;
    const steps =
      hoped === undefined || blow === undefined
        ? 0
        : interrupted(model.truth, hoped, { step: -1, moment: "before" }, isRedo).steps;
    if (steps > 0) {
      const cut = interrupted(model.truth, hoped!, { step: blow!.at % steps, moment: blow!.moment }, isRedo);
      if (cut.struck !== undefined) {
        const { task, step, moment } = cut.struck;
        done += `, ${blowWords[blow!.how]} ${moment} step ${step + 1} of the ${task.direction} of ${task.name}`;
        model.told.push(`${done}:`);
        const seen = await stage.strike(argv, files, cut.struck, blow!.how);
        model.told.pop();
        const cuts = cutsAt(model.truth, ends, cut.struck, isRedo);
        const isAway = blow!.how === "restart" || blow!.how === "crash";
        if (seen.isStruck !== true)
          return await follow(model, stage, `${done} (it ended before)`, ends, seen);
        return await follow(model, stage, done, isAway ? [...cuts, ...ends] : cuts, seen);
      }
    }
    const seen = await stage.run(argv, files);
    done += ` → ${seen.code}`;
    await follow(model, stage, done, ends, seen);
  }
  toString(): string {
    return this.words;
  }
}

const blowWords: Readonly<Record<Blow, string>> = {
  kill: "killed",
  terminate: "its session terminated",
  restart: "the server restarted",
  crash: "the server crashed",
};

export function up(blow?: Struck): ModelCommand {
  return new Run(
    "migrate up",
    ({ truth, files }) => ({ argv: ["up", "--yes"], files, ends: expectUp(truth, files, {}) }),
    blow,
  );
}

export function upLimited(limit: number, blow?: Struck): ModelCommand {
  return new Run(
    `migrate up -n ${limit}`,
    ({ truth, files }) => ({
      argv: ["up", "-n", String(limit), "--yes"],
      files,
      ends: expectUp(truth, files, { limit }),
    }),
    blow,
  );
}

export function upTo(at: number): ModelCommand {
  return new Run("migrate up --to", ({ truth, files }) => {
    const to = files.length === 0 ? 1 : pick(files, at).version;
    return { argv: ["up", "--to", String(to), "--yes"], files, ends: expectUp(truth, files, { to }) };
  });
}

export function upOutOfOrder(blow?: Struck): ModelCommand {
  return new Run(
    "migrate up --allow-out-of-order",
    ({ truth, files }) => ({
      argv: ["up", "--allow-out-of-order", "--yes"],
      files,
      ends: expectUp(truth, files, { outOfOrder: true }),
    }),
    blow,
  );
}

export function olderUp(): ModelCommand {
  return new Run("migrate up with the older image", ({ truth, older, files }) =>
    older === files ? undefined : { argv: ["up", "--yes"], files: older, ends: expectUp(truth, older, {}) },
  );
}

export function olderCheck(): ModelCommand {
  return new Run("migrate check with the older image", ({ truth, older, files }) =>
    older === files ? undefined : { argv: ["check"], files: older, ends: expectCheck(truth, older) },
  );
}

export function check(): ModelCommand {
  return new Run("migrate check", ({ truth, files }) => ({
    argv: ["check"],
    files,
    ends: expectCheck(truth, files),
  }));
}

export function deferredUp(blow?: Struck): ModelCommand {
  return new Run(
    "migrate deferred",
    ({ truth, files }) => ({
      argv: ["deferred", "--yes"],
      files,
      ends: expectUp(truth, files, { deferred: true }),
    }),
    blow,
  );
}

export function down(count: number, blow?: Struck): ModelCommand {
  return new Run(
    `migrate down -n ${count}`,
    ({ truth, files }) => ({
      argv: ["down", "-n", String(count), "--yes"],
      files,
      ends: expectDown(truth, files, count),
    }),
    blow,
  );
}

export function redo(blow?: Struck): ModelCommand {
  return new Run(
    "migrate redo",
    ({ truth, files }) => ({ argv: ["redo", "--yes"], files, ends: expectRedo(truth, files), isRedo: true }),
    blow,
  );
}

export function repairAll(): ModelCommand {
  return new Run("migrate repair", ({ truth, files }) => ({
    argv: ["repair", "--yes"],
    files,
    ends: expectRepairAll(truth, files),
  }));
}

/** Repairs something that is known: a file, what is applied, what is halted. */
export function repairOne(at: number, settleAs?: "applied" | "pending"): ModelCommand {
  return new Run("migrate repair NAME", ({ truth, files }) => {
    const known =
      settleAs === undefined || truth.halted.size === 0
        ? [...new Set([...truth.applied.keys(), ...truth.halted.keys(), ...files.map(nameOf)])].toSorted()
        : [...truth.halted.keys()];
    if (known.length === 0) return undefined;
    const name = pick(known, at);
    const as = settleAs === undefined ? [] : ["--as", settleAs];
    return {
      argv: ["repair", name, ...as, "--yes"],
      files,
      ends: expectRepair(truth, files, name, settleAs),
    };
  });
}

export function baseline(at: number): ModelCommand {
  return new Run("migrate baseline", ({ truth, files }) => {
    const version = files.length === 0 ? 1 : pick(files, at).version;
    return {
      argv: ["baseline", String(version), "--yes"],
      files,
      ends: expectBaseline(truth, files, version),
    };
  });
}
