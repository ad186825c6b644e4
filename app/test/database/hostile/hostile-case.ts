import type { TestDatabase } from "../../support/test-database.ts";

/** Files of a migration folder by name; bytes where text cannot hold them. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** Where a case takes place. */
export interface Scene {
  readonly database: TestDatabase;
  /** The folder of migrations. */
  readonly folder: string;
}

/** One run of `migrate` and what it must lead to. What is not given is not looked at, save for the exit code. */
export interface Act {
  /** Names the act in a failure: `first`, `again`, `repaired`. */
  readonly act: string;
  /** `up --yes` unless given. */
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Written over what is there before the run. */
  readonly write?: Files;
  readonly remove?: readonly string[];
  /** Done before the run; what it returns is done after the run and before the look at the database. */
  readonly prepare?: (scene: Scene) => Promise<void | (() => Promise<void>)>;
  readonly exit: number;
  /** Parts of what is written to either stream. */
  readonly says?: readonly (string | RegExp)[];
  readonly neverSays?: readonly (string | RegExp)[];
  /** The table of applied names, by version; `undefined` in the table's place: it must not even exist. */
  readonly applied?: readonly string[] | "no table";
  /** The ledger's runs in their order: `000002_case up failed`. */
  readonly runs?: readonly string[];
  /** Everything in the database that is not the ledger: `base`, `index base_v_idx`, `INVALID index …`, `function f`. */
  readonly objects?: readonly string[];
  /** Queries with all their rows. */
  readonly rows?: Readonly<Record<string, readonly (readonly unknown[])[]>>;
}

export interface HostileCase {
  /** Finishes the sentence `it("…")`. */
  readonly title: string;
  readonly files: Files;
  readonly acts: readonly Act[];
  /** `process`: the built program in a process of its own; `here`: a call in this process (default). */
  readonly as?: "process" | "here";
  /** A sentence why this cannot run here. It is printed. */
  readonly skip?: string | undefined;
  /** Milliseconds for one act; 20 s unless given. */
  readonly deadline?: number;
}

/** Around each nasty file stand one that comes before and one that comes after. */
export const base =
  "CREATE TABLE base (id integer, v text);\nINSERT INTO base VALUES (1, 'one'), (2, 'one');\n";
export const after = "CREATE TABLE after_t (id integer);\n";
export const harmless = "CREATE TABLE repaired (id integer);\n";

export const names = { base: "000001_base", case: "000002_case", after: "000003_after" } as const;
export const all: readonly string[] = [names.base, names.case, names.after];

/** The three files, with the nasty one in the middle. */
export function threeFiles(nasty: string | Uint8Array, others: Files = {}): Files {
  return { "000001_base.up.sql": base, "000002_case.up.sql": nasty, "000003_after.up.sql": after, ...others };
}

type Told = Pick<HostileCase, "as" | "skip" | "deadline"> & {
  readonly others?: Files;
  readonly env?: Readonly<Record<string, string>>;
  readonly says?: readonly (string | RegExp)[];
  readonly neverSays?: readonly (string | RegExp)[];
  readonly rows?: Act["rows"];
  readonly prepare?: Act["prepare"];
};

const settings = ({ as, skip, deadline }: Told): Pick<HostileCase, "as" | "skip" | "deadline"> => ({
  ...(as === undefined ? {} : { as }),
  ...(skip === undefined ? {} : { skip }),
  ...(deadline === undefined ? {} : { deadline }),
});

const common = ({ env, says, neverSays, rows, prepare }: Told): Partial<Act> => ({
  ...(env === undefined ? {} : { env }),
  ...(says === undefined ? {} : { says }),
  ...(neverSays === undefined ? {} : { neverSays }),
  ...(rows === undefined ? {} : { rows }),
  ...(prepare === undefined ? {} : { prepare }),
});

/** A nasty file that must simply work: all three are applied once, and the next run has nothing to do. */
export function works(
  title: string,
  nasty: string | Uint8Array,
  objects: readonly string[],
  told: Told = {},
): HostileCase {
  const state = {
    applied: all,
    runs: all.map((name) => `${name} up applied`),
    objects: ["after_t", "base", ...objects],
  };
  const { says: _, ...again } = common(told);
  return {
    title,
    files: threeFiles(nasty, told.others),
    ...settings(told),
    acts: [
      { act: "first", exit: 0, ...state, ...common(told) },
      {
        act: "again",
        exit: 0,
        ...again,
        ...state,
        says: ["Nothing is pending; the schema is at 000003_after."],
      },
    ],
  };
}

/**
 * A nasty file that fails and leaves nothing: the one before it stays, the one behind is not tried, the next run says
 * the same, and once the file is repaired the run goes on where it stopped.
 */
export function fails(
  title: string,
  nasty: string | Uint8Array,
  told: Told & { readonly recorded?: false; readonly exit?: number; readonly repaired?: string } = {},
): HostileCase {
  const failure = told.recorded === false ? [] : [`${names.case} up failed`];
  const first = [`${names.base} up applied`];
  const state = { exit: told.exit ?? 6, applied: [names.base], objects: ["base"] };
  const said = { ...common(told), says: [`${names.case} failed:`, "1 not tried", ...(told.says ?? [])] };
  return {
    title,
    files: threeFiles(nasty, told.others),
    ...settings(told),
    acts: [
      { act: "first", ...said, ...state, runs: [...first, ...failure] },
      { act: "again", ...said, ...state, runs: [...first, ...failure, ...failure] },
      {
        act: "repaired",
        exit: 0,
        write: { "000002_case.up.sql": told.repaired ?? harmless },
        applied: all,
        runs: [...first, ...failure, ...failure, `${names.case} up applied`, `${names.after} up applied`],
        ...(told.repaired === undefined ? { objects: ["after_t", "base", "repaired"] } : {}),
      },
    ],
  };
}

/** Files that are refused before the database is touched: not even the first runs, and no ledger is made. */
export function refuses(
  title: string,
  files: Files,
  told: Told & {
    readonly says: readonly (string | RegExp)[];
    readonly repair: Pick<Act, "write" | "remove">;
    readonly applied: readonly string[];
  },
): HostileCase {
  const untouched = { exit: 7, applied: "no table", objects: [] } as const;
  return {
    title,
    files,
    ...settings(told),
    acts: [
      {
        act: "first",
        ...common(told),
        says: ["cannot be used; nothing was run:", ...told.says],
        ...untouched,
      },
      { act: "again", ...common(told), ...untouched },
      { act: "repaired", exit: 0, ...told.repair, applied: told.applied },
    ],
  };
}

/** The same for the nasty file in the middle. */
export function refusesFile(
  title: string,
  nasty: string | Uint8Array,
  says: readonly (string | RegExp)[],
  told: Told = {},
): HostileCase {
  const repair = { write: { "000002_case.up.sql": harmless } };
  return refuses(title, threeFiles(nasty, told.others), { ...told, says, repair, applied: all });
}
