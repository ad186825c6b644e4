import { describe, expect, it } from "@jest/globals";
import { parseDirectives, type Directives } from "./directives.ts";

const none: Directives = {
  noTransaction: false,
  lockTimeout: undefined,
  statementTimeout: undefined,
  retries: undefined,
  repeatUntilZero: undefined,
  deferred: false,
  breaking: false,
  irreversible: undefined,
  secret: false,
  repeatableStatements: undefined,
  allow: new Map(),
};

function parse(text: string, kind: "sql" | "code" = "sql"): { directives: Directives; problems: string[] } {
  const problems: string[] = [];
  return { directives: parseDirectives(text, kind, "f", problems), problems };
}

const problemsOf = (text: string, kind: "sql" | "code" = "sql"): string[] => parse(text, kind).problems;
const known =
  "no-transaction, lock-timeout, statement-timeout, retries, repeat-until-zero, deferred, breaking, irreversible, secret, repeatable-statements, allow";

describe("directives", () => {
  it("are none in a text without them", () => {
    expect(parse("-- We migrate: slowly.\nSELECT 1;\n")).toEqual({ directives: none, problems: [] });
  });

  it("are read from the comment lines at the beginning, one a line, among prose and empty lines", () => {
    const text = `-- Adds an index.

-- migrate: no-transaction
--migrate:lock-timeout=2s
--   Migrate : statement-timeout=5min
-- migrate: retries=7
-- migrate: deferred
-- migrate: breaking
-- migrate: irreversible the values are gone
-- migrate: allow=ban-drop-column nobody reads it
-- migrate: allow=other-rule because
SELECT 1;
`;
    expect(parse(text)).toEqual({
      directives: {
        noTransaction: true,
        lockTimeout: 2000,
        statementTimeout: 300_000,
        retries: 7,
        repeatUntilZero: undefined,
        deferred: true,
        breaking: true,
        irreversible: "the values are gone",
        secret: false,
        allow: new Map([
          ["ban-drop-column", "nobody reads it"],
          ["other-rule", "because"],
        ]),
      },
      problems: [],
    });
  });

  it("have their own marker in code", () => {
    expect(
      parse("// migrate: no-transaction\nexport const up = () => {};\n", "code").directives.noTransaction,
    ).toBe(true);
  });

  it("of a backfill imply that there is no transaction around it", () => {
    expect(parse("-- migrate: repeat-until-zero\n").directives).toEqual({
      ...none,
      noTransaction: true,
      repeatUntilZero: { pause: 0 },
    });
    expect(parse("-- migrate: repeat-until-zero pause=50ms\n").directives.repeatUntilZero).toEqual({
      pause: 50,
    });
  });
});

describe("a directive that is refused", () => {
  it.each([
    [
      "no-transction",
      `f:1: unknown directive "no-transction" (did you mean no-transaction?); known: ${known}.`,
    ],
    ["", `f:1: unknown directive ""; known: ${known}.`],
    [
      "up",
      "f:1: migrate:up is dbmate's; here up and down are two files, NNNNNN_name.up.sql and NNNNNN_name.down.sql.",
    ],
    ["no-transaction=yes", "f:1: no-transaction takes no value."],
    [
      "no-transaction, breaking",
      'f:1: ", breaking" behind no-transaction is not understood; write one directive a line.',
    ],
    [
      "retries=20 lock-timeout=2s",
      'f:1: "lock-timeout=2s" behind retries is not understood; write one directive a line.',
    ],
    ["retries=many", "f:1: retries must be a whole number, for example retries=20."],
    ["repeat-until-zero slowly", 'f:1: "slowly" is not understood; write repeat-until-zero pause=50ms.'],
    ["irreversible", "f:1: irreversible needs a reason: -- migrate: irreversible REASON."],
    ["allow=some-rule", "f:1: allow needs a rule and a reason: -- migrate: allow=RULE REASON."],
  ])("says why: %s", (body, problem) => {
    expect(problemsOf(`-- migrate: ${body}\n`)).toEqual([problem]);
  });

  it("says what a time must look like", () => {
    expect(problemsOf("-- migrate: lock-timeout=soon\n")[0]).toMatch(/^f:1: lock-timeout must be /);
    expect(problemsOf("-- migrate: statement-timeout\n")[0]).toMatch(/^f:1: statement-timeout must be /);
  });

  it("stands too far down to count", () => {
    expect(problemsOf("SELECT 1;\n  -- migrate: no-transaction\n")).toEqual([
      'f:2: the directive "-- migrate: no-transaction" counts only in the comment that the file begins with; move it up.',
    ]);
  });

  it.each([
    ["/* migrate: no-transaction */", "no-transaction"],
    ["/**\n * migrate: deferred\n */".split("\n")[1]!.trim(), "deferred"],
    ["-- migrate no-transaction", "no-transaction"],
    ["-- migrations: lock-timeout=2s", "lock-timeout"],
  ])("is written in another way: %s", (line, name) => {
    expect(problemsOf(`${line}\nSELECT 1;\n`)).toEqual([
      `f:1: "${line}" is not read as a directive; write: -- migrate: ${name}.`,
    ]);
  });

  it("is not prose that only begins alike", () => {
    expect(
      problemsOf(
        "-- migrate the owners\n-- migrated: breaking news\n/* migrate: see the wiki */\nSELECT 1;\n",
      ),
    ).toEqual([]);
  });
});
