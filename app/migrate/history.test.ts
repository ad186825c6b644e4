import { describe, expect, it } from "@jest/globals";
import { compareHistory, type HistoryConflict, type KnownMigration } from "./history.ts";
import { emptyLedger, type AppliedMigration, type LedgerState, type StoredDirectives } from "./ledger.ts";

const march = "2026-03-02T10:00:00Z";
const versionOf = (name: string): bigint => BigInt(/^\d+/.exec(name)![0]);

function file(name: string, checksum = `of ${name}`, deferred = false): KnownMigration {
  const versionText = /^\d+/.exec(name)![0];
  return {
    version: versionOf(name),
    versionText,
    name,
    kind: "sql",
    upPath: name,
    downPath: undefined,
    checksum,
    deferred,
  };
}

function applied(
  name: string,
  checksum: string | null = `of ${name}`,
  directives: StoredDirectives = {},
): AppliedMigration {
  return {
    name,
    version: versionOf(name),
    checksum,
    directives,
    appliedAt: march,
  };
}

function ledger(entries: readonly AppliedMigration[], more: Partial<LedgerState> = {}): LedgerState {
  return { ...emptyLedger, applied: entries, ...more };
}

const names = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);
const conflictsOf = (files: readonly KnownMigration[], state: LedgerState): readonly HistoryConflict[] =>
  compareHistory(files, state).conflicts;

describe("a history without conflicts", () => {
  it("tells applied from pending, in the order of the files", () => {
    const history = compareHistory([file("1_a"), file("2_b"), file("10_c")], ledger([applied("1_a")]));
    expect(names(history.applied.map((pair) => pair.file))).toEqual(["1_a"]);
    expect(names(history.pending)).toEqual(["2_b", "10_c"]);
    expect(history.conflicts).toEqual([]);
  });

  it("is one whose checksums nobody recorded", () => {
    expect(conflictsOf([file("1_a")], ledger([applied("1_a", null)]))).toEqual([]);
  });

  it("may be ahead of the files; what is breaking in it is told apart", () => {
    const history = compareHistory(
      [file("1_a")],
      ledger([applied("1_a"), applied("2_b"), applied("3_c", "x", { breaking: true })]),
    );
    expect(names(history.ahead)).toEqual(["2_b", "3_c"]);
    expect(names(history.breaking)).toEqual(["3_c"]);
    expect(history.conflicts).toEqual([]);
  });

  it("may have gaps where deferred migrations are still to come, or have come late", () => {
    expect(
      conflictsOf(
        [file("1_a"), file("2_b", "x", true), file("3_c")],
        ledger([applied("1_a"), applied("3_c")]),
      ),
    ).toEqual([]);
    expect(
      conflictsOf(
        [file("1_a"), file("2_b"), file("3_c")],
        ledger([applied("1_a"), applied("3_c", undefined, { deferred: true })]),
      ),
    ).toEqual([]);
  });
});

describe("a conflict", () => {
  it("is an applied file that changed", () => {
    expect(conflictsOf([file("1_a", "0123456789")], ledger([applied("1_a", "abcdefghij")]))).toEqual([
      {
        kind: "changed",
        name: "1_a",
        message:
          "1_a changed after it was applied on 2026-03-02 (recorded abcdefgh…, file 01234567…). Restore the file, or run `migrate repair 1_a` if the change is meant.",
      },
    ]);
  });

  it("is an applied file that is missing below the newest", () => {
    expect(conflictsOf([file("2_b")], ledger([applied("1_a"), applied("2_b")]))).toEqual([
      {
        kind: "missing",
        name: "1_a",
        message:
          "1_a is applied on 2026-03-02 and missing from the folder. Restore the file, or run `migrate repair 1_a` if it is gone on purpose.",
      },
    ]);
  });

  it("is one that has another number or name now, with the same content: it is not pending for that", () => {
    const history = compareHistory(
      [file("1_b", "of 1_a"), file("2_c"), file("4_d", "of 3_d")],
      ledger([applied("1_a"), applied("2_c"), applied("3_d")]),
    );
    expect(history.conflicts).toEqual([
      {
        kind: "moved",
        name: "1_a",
        file: "1_b",
        message:
          "1_a was applied under that name on 2026-03-02; the file with the same content is now called 1_b. Give it its old name back, or run `migrate repair 1_b` to move the record; nothing is run for that.",
      },
      expect.objectContaining({ kind: "moved", name: "3_d", file: "4_d" }),
    ]);
    expect(names(history.pending)).toEqual([]);
  });

  it("is another migration with the same number, which is neither pending nor the same", () => {
    const history = compareHistory(
      [file("1_a"), file("2_tags"), file("3_c")],
      ledger([applied("1_a"), applied("2_owner")]),
    );
    expect(history.conflicts).toEqual([
      {
        kind: "collision",
        name: "2_owner",
        file: "2_tags",
        message:
          "2_owner is applied on 2026-03-02, and 2_tags is another migration with the same number (its content is in no file of this folder). Restore the file of 2_owner, and give 2_tags a free number, for example 4.",
      },
    ]);
    expect(names(history.pending)).toEqual(["3_c"]);
  });

  it("is a recorded migration whose content is under a later number, while its own number is taken by another", () => {
    const history = compareHistory(
      [file("1_a"), file("2_tags"), file("3_owner", "of 2_owner")],
      ledger([applied("1_a"), applied("2_owner")]),
    );
    expect(history.conflicts).toMatchObject([{ kind: "moved", name: "2_owner", file: "3_owner" }]);
    expect(names(history.pending)).toEqual(["2_tags"]);
  });

  it("is no move where the content occurs twice on one side", () => {
    expect(
      conflictsOf(
        [file("2_b"), file("4_x", "same"), file("5_y", "same")],
        ledger([applied("1_a", "same"), applied("2_b")]),
      ).map(({ kind }) => kind),
    ).toEqual(["missing"]);
    expect(
      conflictsOf(
        [file("1_a"), file("9_x", "same")],
        ledger([applied("1_a"), applied("2_b", "same"), applied("3_c", "same")]),
      ).map(({ kind, name }) => [kind, name]),
    ).toEqual([
      ["missing", "2_b"],
      ["missing", "3_c"],
    ]);
  });

  it("is a history of which the folder has nothing: another database, or another image", () => {
    expect(
      conflictsOf([file("1_x"), file("7_y")], ledger([applied("1_a"), applied("2_b")])).map(
        ({ kind, message }) => [kind, message.split(". ").at(-1)],
      ),
    ).toEqual([
      ["unrelated", "Is it the wrong database, or the wrong image or folder (MIGRATIONS_DIR)?"],
      ["collision", expect.stringContaining("Restore the file of 1_a")],
      ["missing", expect.stringContaining("migrate repair 2_b")],
    ]);
  });

  it("is what the two tables of the ledger say differently, which is not pending then", () => {
    const state = ledger([applied("1_a")], {
      contradictions: [
        { name: "2_b", kind: "lost" },
        { name: "1_a", kind: "revived" },
      ],
    });
    const history = compareHistory([file("1_a"), file("2_b")], state);
    expect(history.conflicts).toMatchObject([
      {
        kind: "lost",
        message:
          "2_b: the runs say that it is applied, but it is not in the table of applied names. Was a row removed, restored from a back-up, or written by hand? Look at the schema, then say how it is: `migrate repair 2_b --as applied` or `--as pending`.",
      },
      { kind: "revived", name: "1_a" },
    ]);
    expect(names(history.pending)).toEqual([]);
  });

  it("is one that arrives late, unless that is allowed, or its own run was interrupted", () => {
    const files = [file("1_a"), file("2_b"), file("3_c")];
    const state = ledger([applied("1_a"), applied("3_c")]);
    expect(conflictsOf(files, state)).toEqual([
      {
        kind: "out-of-order",
        name: "2_b",
        message:
          "2_b is not applied and has a lower number than 3_c, which is. Give it a number above all others, or run `migrate up --allow-out-of-order` if the order does not matter.",
      },
    ]);
    const allowed = compareHistory(files, state, { allowOutOfOrder: true });
    expect([allowed.conflicts, names(allowed.pending)]).toEqual([[], ["2_b"]]);
    const unfinished = {
      id: "1",
      name: "2_b",
      direction: "up",
      state: "running",
      checksum: "",
      statementsDone: 1,
      statementsTotal: 2,
      statementStarted: null,
      startedAt: new Date(march),
      host: "h",
      isRedo: false,
      resumeBlocked: null,
      undermined: null,
    } as const;
    expect(conflictsOf(files, { ...state, unfinished: [unfinished] })).toEqual([]);
  });

  it("is a name that is recorded twice", () => {
    expect(conflictsOf([file("1_a")], ledger([applied("1_a")], { duplicates: ["1_a"] }))).toEqual([
      {
        kind: "duplicate",
        name: "1_a",
        message:
          "1_a is recorded as applied more than once: did two runners run it? Look at what it made; `migrate repair 1_a` keeps the first of its rows.",
      },
    ]);
  });

  it("is each of two files that changed places", () => {
    expect(
      conflictsOf(
        [file("1_a", "of 2_b"), file("2_b", "of 1_a")],
        ledger([applied("1_a"), applied("2_b")]),
      ).map(({ kind, name }) => [kind, name]),
    ).toEqual([
      ["changed", "1_a"],
      ["changed", "2_b"],
    ]);
  });
});
