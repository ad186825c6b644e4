import type { KnownMigration } from "../history.ts";
import type { Verdict } from "./verdict.ts";
import { describeDifferences, type SchemaDifference } from "./differences.ts";

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
