import type { SemVer } from "semver";
import parseVersion from "semver/functions/parse.js";

/** What the choice of the latest version looks at. */
export interface Candidate {
  readonly version: string;
  /** As `parseTimestamp` writes it, so that text order is time order. */
  readonly publishedAt: string;
}

/**
 * The version that `latest` means. Two semantic versions: the higher one. Neither is one: the one published later. One of
 * each: the semantic version. Equal so far (build metadata only): published later, then the greater text, so that the
 * answer never depends on the order of rows.
 */
export function latestOf<T extends Candidate>(versions: readonly [T, ...T[]]): T {
  const ranked = versions.map((candidate) => ({ candidate, semantic: parseSemantic(candidate.version) }));
  return ranked.reduce((best, next) => (compare(next, best) > 0 ? next : best)).candidate;
}

interface Ranked {
  readonly candidate: Candidate;
  readonly semantic: SemVer | undefined;
}

function compare(a: Ranked, b: Ranked): number {
  if ((a.semantic === undefined) !== (b.semantic === undefined)) return a.semantic === undefined ? -1 : 1;
  const bySemantic = a.semantic && b.semantic ? a.semantic.compare(b.semantic) : 0;
  return (
    bySemantic ||
    compareText(a.candidate.publishedAt, b.candidate.publishedAt) ||
    compareText(a.candidate.version, b.candidate.version)
  );
}

/** The package forgives white space around a version; the rule does not. */
function parseSemantic(version: string): SemVer | undefined {
  return /^\S+$/.test(version) ? (parseVersion(version) ?? undefined) : undefined;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
