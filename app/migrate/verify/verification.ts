import type { KnownMigration } from "../history.ts";
import { describeDifferences, type SchemaDifference } from "./differences.ts";

/**
 * `faithful`: down takes back exactly what up does, and up can be repeated. `lossy`: down leaves another schema than up
 * found. `not-repeatable`: up after down fails, or makes another schema than the first time. `cluster-wide`: it does
 * something to the whole server that cannot be tried beside others.
 */
export type Verdict =
  | "faithful"
  | "irreversible"
  | "missing"
  | "lossy"
  | "failing-down"
  | "not-repeatable"
  | "cluster-wide"
  | "failing-up"
  | "not-tried";

const findings: ReadonlySet<Verdict> = new Set([
  "missing",
  "lossy",
  "failing-down",
  "not-repeatable",
  "cluster-wide",
  "failing-up",
]);

/** What was found about one migration. */
export interface Verification {
  readonly version: string;
  readonly name: string;
  readonly verdict: Verdict;
  /** Sentences that say what is wrong. */
  readonly problems: readonly string[];
  readonly differences: readonly SchemaDifference[];
  /** Sentences about what is unusual and does no harm. */
  readonly notes: readonly string[];
  /** Milliseconds, for all its runs. */
  readonly ranMs: number;
}

export function isFinding({ verdict }: Pick<Verification, "verdict">): boolean {
  return findings.has(verdict);
}

/** Collects what is found about one migration; the first verdict is the one that counts. */
export class Findings {
  readonly #started = Date.now();
  readonly #problems: string[] = [];
  readonly #differences: SchemaDifference[] = [];
  readonly #notes: string[] = [];
  #verdict: Verdict | undefined;

  add(verdict: Verdict, problem: string, differences: readonly SchemaDifference[] = []): void {
    this.#verdict ??= verdict;
    this.#problems.push([problem, ...describeDifferences(differences)].join("\n  - "));
    this.#differences.push(...differences);
  }

  note(notes: readonly string[]): void {
    this.#notes.push(...notes.filter((text) => !this.#notes.includes(text)));
  }

  result({ versionText, name }: KnownMigration): Verification {
    return {
      version: versionText,
      name,
      verdict: this.#verdict ?? "faithful",
      problems: this.#problems,
      differences: this.#differences,
      notes: this.#notes,
      ranMs: Date.now() - this.#started,
    };
  }
}

export function notTried({ versionText, name }: KnownMigration): Verification {
  return {
    version: versionText,
    name,
    verdict: "not-tried",
    problems: [],
    differences: [],
    notes: [],
    ranMs: 0,
  };
}
