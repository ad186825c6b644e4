import type { InDown, Severity } from "./finding.ts";

/** What becomes of a rule of squawk's, and why. docs/lint.md has a table of them, made from this one. */
export interface SquawkRule {
  /** `off`: squawk is not asked. */
  readonly severity: Severity | "off";
  readonly inDown: InDown;
  readonly why: string;
}

const locks = (why: string): SquawkRule => ({ severity: "warning", inDown: "note", why });
/** To revert is to take away; what a down file drops is what it is for. */
const breaks = (why: string): SquawkRule => ({ severity: "warning", inDown: "off", why });
const style = (why: string): SquawkRule => ({ severity: "note", inDown: "off", why });
const off = (why: string): SquawkRule => ({ severity: "off", inDown: "off", why });

/** Every rule that squawk 2.61 knows. */
export const squawkRules: Readonly<Record<string, SquawkRule>> = {
  "adding-field-with-default": locks("rewrites the table while nobody can read it"),
  "adding-foreign-key-constraint": locks("writers of both tables wait for a scan"),
  "adding-not-nullable-field": locks("readers wait for a scan"),
  "adding-serial-primary-key-field": locks("readers wait while an index is built"),
  "ban-alter-domain-with-add-constraint": locks("scans every table that uses the domain"),
  "changing-column-type": locks("rewrites the table while nobody can read it"),
  "constraint-missing-not-valid": locks(
    "writers wait for a scan. Left out where one of the two rules for foreign keys and unique constraints says it: these cannot be NOT VALID, or say it better",
  ),
  "disallowed-unique-constraint": locks("readers wait while an index is built"),
  "require-concurrent-index-creation": locks("writers wait while the index is built"),
  "require-concurrent-index-deletion": locks("readers wait behind the lock"),
  "require-concurrent-partition-detach": locks("readers wait behind the lock; from PostgreSQL 14 on"),
  "require-concurrent-reindex": locks("readers wait while the index is built"),

  "adding-required-field": breaks(
    "inserts of the release before fail, and so does the statement when there are rows",
  ),
  "ban-drop-column": breaks("clients of the release before may read the column"),
  "ban-drop-database": breaks("nothing brings it back"),
  "ban-drop-not-null": breaks("clients may not expect NULL"),
  "ban-drop-table": breaks("clients of the release before may read the table"),
  "ban-truncate-cascade": breaks("empties tables that are not named"),
  "renaming-column": breaks("clients of the release before use the old name"),
  "renaming-table": breaks("clients of the release before use the old name"),
  "identifier-too-long": breaks("PostgreSQL cuts the name off"),

  "ban-char-field": style("a choice of types"),
  "ban-create-domain-with-constraint": style("such domains are hard to change later"),
  "prefer-bigint-over-int": style("a choice of types"),
  "prefer-bigint-over-smallint": style("a choice of types"),
  "prefer-identity": style("a choice of types"),
  "prefer-text-field": style("a choice of types"),
  "prefer-timestamp-tz": style("a choice of types"),
  "require-enum-value-ordering": style("the value goes to the end"),
  "unused-ignore": style("a comment of squawk's own that silences nothing"),

  "require-lock-timeout": off("the runner sets lock_timeout and tries again"),
  "require-statement-timeout": off("the runner has `statement-timeout`"),
  "require-timeout-settings": off("the same"),
  "prefer-robust-stmts": off(
    "a failed transaction is rolled back whole, and outside one the runner resumes at the statement it stopped at. With CONCURRENTLY its advice, IF NOT EXISTS, hides an INVALID index: see concurrently-if-not-exists",
  ),
  "ban-concurrent-index-creation-in-transaction": off(
    "cannot-run-in-transaction says it, also of a single statement",
  ),
  "transaction-nesting": off("not-runnable and own-transaction say it"),
  "ban-uncommitted-transaction": off("not-runnable says it"),
  "prefer-repack": off("recommends an extension that most servers do not have"),
  "require-table-schema": off("which schema is meant is the search_path's business; squawk has it off, too"),
};
