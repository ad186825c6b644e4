import type { InDown, Remark, Severity } from "./finding.ts";

/** A rule of ours. docs/lint.md has a table of them, made from this one. */
export interface LintRule {
  readonly severity: Severity;
  readonly inDown: InDown;
  /** What it is about, as the first words of a sentence. */
  readonly about: string;
  readonly help: string;
}

export const lintRules = {
  "not-runnable": {
    severity: "error",
    inDown: "same",
    about:
      "what `migrate check --offline` refuses: unknown directives, psql commands, `BEGIN` and `COMMIT`, bytes that are not UTF-8",
    help: "`up` refuses the whole folder until this is corrected.",
  },
  "section-mark": {
    severity: "error",
    inDown: "same",
    about:
      "a mark that begins the other direction (`-- +goose Down`, `-- Down`, `--//@UNDO` …): the file would run both",
    help: "Split the file; or, where it is mere prose, accept it with allow=section-mark.",
  },
  "syntax-error": {
    severity: "error",
    inDown: "same",
    about: "what PostgreSQL's parser does not understand",
    help: "Correct the statement; the server would refuse it, too.",
  },
  "cannot-run-in-transaction": {
    severity: "error",
    inDown: "same",
    about:
      "`CONCURRENTLY`, `VACUUM`, `ALTER SYSTEM`, `CREATE DATABASE`, `DISCARD ALL` and the like in a file that runs in a transaction, also when it is the only statement",
    help: "Begin the file with `-- migrate: no-transaction`, and keep the statement in a file of its own.",
  },
  "needs-newer-server": {
    severity: "error",
    inDown: "same",
    about: "syntax that the server version (`--server-version`) does not have",
    help: "Write it for the oldest server that the migration must run on.",
  },
  "copy-program": {
    severity: "error",
    inDown: "same",
    about: "`COPY … PROGRAM`: runs a shell command on the database host",
    help: "Load the data with a program of your own; whoever can change migrations should not get a shell there.",
  },
  "releases-lock": {
    severity: "error",
    inDown: "same",
    about: "`pg_advisory_unlock_all()` and `DISCARD ALL`: release the lock that keeps other runners out",
    help: "Remove it; Headgate gives each migration a clean session anyway.",
  },
  "writes-ledger": {
    severity: "error",
    inDown: "same",
    about:
      "a statement that writes to, alters or drops Headgate's own tables (`schema_migrations` and its table of runs, as configured)",
    help: "Remove it. `migrate repair`, `baseline` and `down` change what is recorded; a migration that does is rolled back.",
  },
  "enum-value-used": {
    severity: "warning",
    inDown: "same",
    about: "a new enum value that seems to be used in the transaction that adds it, which PostgreSQL refuses",
    help: "Add the value in a migration of its own, and use it in the next one.",
  },
  "validated-at-once": {
    severity: "warning",
    inDown: "note",
    about:
      "a `NOT VALID` constraint that is validated in the same transaction: the lock of the first is held during the scan of the second",
    help: "Validate in the next migration; it then keeps nobody waiting.",
  },
  "data-change-with-ddl": {
    severity: "warning",
    inDown: "note",
    about:
      "rows of an existing table changed in the transaction that also locks tables: the lock is held until the last row is done",
    help: "Split it: schema first, rows in a migration of their own (`repeat-until-zero` for many), constraints after that.",
  },
  "session-state": {
    severity: "warning",
    inDown: "same",
    about:
      "what a `no-transaction` file leaves in its session and a resumed run could not make again: temporary tables, computed `set_config`, cursors `WITH HOLD`, advisory locks of the session, `LISTEN`",
    help: "Use an ordinary table that the file drops at its end, write the setting as a constant (SET), or put it and what needs it into a file that runs in a transaction.",
  },
  "mixed-with-concurrently": {
    severity: "warning",
    inDown: "note",
    about:
      "other statements beside `CONCURRENTLY` in one file: they are committed one by one, and a failed index build leaves the file half done",
    help: "Give the statements that can run in a transaction a migration of their own.",
  },
  "concurrently-if-not-exists": {
    severity: "warning",
    inDown: "same",
    about:
      "`IF NOT EXISTS` with `CREATE INDEX CONCURRENTLY`: it passes over the INVALID index that an interrupted build leaves",
    help: "Leave IF NOT EXISTS out. Headgate drops an INVALID leftover and builds it again; psql and other tools would take it for the finished index.",
  },
  "unbounded-repeat": {
    severity: "warning",
    inDown: "same",
    about: "`repeat-until-zero` without a `LIMIT`: the first round changes every row in one transaction",
    help: "Choose the rows of a round: … WHERE id IN (SELECT id FROM … WHERE … LIMIT 1000).",
  },
  "no-statement": {
    severity: "warning",
    inDown: "same",
    about: "a file without a statement: it would be recorded as applied and do nothing",
    help: "Write the statement, or remove the file.",
  },
  "missing-down": {
    severity: "warning",
    inDown: "same",
    about: "an up without a down that does not say why",
    help: "Write the down file, or say why there is none: `-- migrate: irreversible REASON`.",
  },
  "not-judged": {
    severity: "warning",
    inDown: "same",
    about: "a file, or a part of one, that squawk or our own parser cannot read",
    help: "Nothing was found there because nobody looked. Simplify the file, or review it by hand and allow this.",
  },
  "unknown-allow": {
    severity: "warning",
    inDown: "same",
    about: "`allow=` with a rule that does not exist",
    help: "docs/lint.md lists all rules.",
  },
  "unused-allow": {
    severity: "warning",
    inDown: "same",
    about: "`allow=` with a rule that finds nothing in this file",
    help: "Remove the directive, so that it silences nothing later.",
  },
  "session-setting": {
    severity: "note",
    inDown: "same",
    about: "`SET` for the session in a file that runs in a transaction",
    help: "Write SET LOCAL, which ends with the transaction, also where another tool runs the file. Headgate itself clears the session.",
  },
  "own-transaction": {
    severity: "note",
    inDown: "same",
    about: "`BEGIN` and `COMMIT` around the whole file: they are left out",
    help: "Remove both; the migration has a transaction already.",
  },
  "cluster-wide": {
    severity: "note",
    inDown: "same",
    about:
      "roles, databases, tablespaces and server settings: they belong to every database of the server and may exist already",
    help: "Make them where the server is set up, or bear that they exist.",
  },
  "name-form": {
    severity: "note",
    inDown: "off",
    about: "a name that is not `NNNNNN_verb_noun`: lower case, at least two words",
    help: "Say what it does, as in 000005_add_owner. Do not rename what is applied somewhere.",
  },
  "version-width": {
    severity: "note",
    inDown: "off",
    about: "a version with another number of digits than most of the folder",
    help: "Listings sort by text: write it with as many digits as its neighbours. Do not rename what is applied somewhere.",
  },
  "code-not-judged": {
    severity: "note",
    inDown: "off",
    about: "a TypeScript or JavaScript migration: its SQL is made when it runs and is not seen here",
    help: "Review its statements by hand.",
  },
} as const satisfies Record<string, LintRule>;

export type RuleName = keyof typeof lintRules;

export type OwnRemark = Remark<RuleName>;
