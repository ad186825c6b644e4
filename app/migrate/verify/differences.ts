import { compareCatalogues } from "../catalogue/compare.ts";
import { columnOrder, notNullName } from "../catalogue/note-queries.ts";
import type { CatalogueEntry } from "../catalogue/read.ts";

/** One thing in which two states of a schema differ that should be the same. */
export interface SchemaDifference {
  readonly kind: string;
  readonly name: string;
  /** What it should be; null where it should not be there. */
  readonly expected: string | null;
  /** What it is; null where it is gone. */
  readonly found: string | null;
}

export interface SchemaComparison {
  readonly differences: readonly SchemaDifference[];
  /** Sentences about what differs without anybody noticing. */
  readonly notes: readonly string[];
}

/** Pure. */
export function compareSchemas(
  expected: readonly CatalogueEntry[],
  found: readonly CatalogueEntry[],
): SchemaComparison {
  const { missing, extra, changed } = compareCatalogues(expected, found);
  const isNote = (difference: SchemaDifference): boolean =>
    difference.kind === columnOrder || difference.kind === notNullName || isOfLineEnds(difference);
  const all: SchemaDifference[] = [
    ...missing.map(({ kind, name, definition }) => ({ kind, name, expected: definition, found: null })),
    ...extra.map(({ kind, name, definition }) => ({ kind, name, expected: null, found: definition })),
    ...changed.map((pair) => ({
      kind: pair.expected.kind,
      name: pair.expected.name,
      expected: pair.expected.definition,
      found: pair.found.definition,
    })),
  ];
  return {
    differences: all.filter((difference) => !isNote(difference)),
    notes: all.filter(isNote).flatMap((note) => sentenceOfNote(note) ?? []),
  };
}

/** Whether the bodies of a function are the same but for the ends of their lines, which a checkout may have changed. */
function isOfLineEnds({ kind, expected, found }: SchemaDifference): boolean {
  if ((kind !== "function" && kind !== "procedure") || expected === null || found === null) return false;
  return expected !== found && withPlainLines(expected) === withPlainLines(found);
}

function withPlainLines(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n");
}

/** `CRLF`, `LF`, `CR` or several of them. */
function lineEndsOf(text: string): string {
  const ends: readonly (readonly [RegExp, string])[] = [
    [/\r\n/, "CRLF"],
    [/(?<!\r)\n/, "LF"],
    [/\r(?!\n)/, "CR"],
  ];
  return ends.flatMap(([pattern, name]) => (pattern.test(text) ? [name] : [])).join(" and ");
}

/** Where a table or column differs anyway, that is said elsewhere. */
function sentenceOfNote({ kind, name, expected, found }: SchemaDifference): string | undefined {
  if (expected === null || found === null) return undefined;
  if (kind === notNullName)
    return `the NOT NULL constraint of ${name} has another name: ${expected} → ${found}`;
  if (kind !== columnOrder)
    return `the lines of ${kind} ${name} have other ends: ${lineEndsOf(expected)} → ${lineEndsOf(found)}`;
  const [before, after] = [JSON.parse(expected) as string[], JSON.parse(found) as string[]];
  return before.toSorted().join("\n") === after.toSorted().join("\n")
    ? `the columns of ${name} have another order: ${before.join(", ")} → ${after.join(", ")}`
    : undefined;
}

/** A sentence for each difference; what came or went with its table is not listed again. */
export function describeDifferences(differences: readonly SchemaDifference[]): string[] {
  const tables = new Set(
    differences
      .filter(({ kind, expected, found }) => kind === "table" && (expected === null || found === null))
      .map(({ name }) => name),
  );
  return differences.filter((difference) => !isPartOf(difference, tables)).map(describeDifference);
}

const partKinds: ReadonlySet<string> = new Set([
  "column",
  "constraint",
  "trigger",
  "policy",
  "rule",
  "inheritance",
]);

function isPartOf({ kind, name, expected, found }: SchemaDifference, tables: ReadonlySet<string>): boolean {
  const definition = expected ?? found ?? "";
  for (const table of tables) {
    if (partKinds.has(kind) && (name === table || name.startsWith(`${table}.`))) return true;
    if (kind === "index" && new RegExp(` ON (?:ONLY )?${escaped(table)} `).test(definition)) return true;
    if (kind === "sequence of" && definition.includes(` ${table}.`)) return true;
    if ((kind === "privilege" || kind === "comment") && name.includes(` ${table}`)) return true;
    // A sequence of its own column.
    if (kind === "sequence" && name.startsWith(`${table}_`) && name.endsWith("_seq")) return true;
  }
  return false;
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function describeDifference({ kind, name, expected, found }: SchemaDifference): string {
  if (found === null) return `${kind} ${name} is missing`;
  if (expected === null) return `${kind} ${name} is left`;
  const [before, after] = changedParts(expected, found);
  return `${kind} ${name}: ${shown(before)} → ${shown(after)}`;
}

/** Definitions are lists; what both have says nothing. A text of many lines is told by its first other line. */
function changedParts(expected: string, found: string): [string, string] {
  const separator = expected.includes("\n") || found.includes("\n") ? "\n" : "; ";
  const [before, after] = [expected.split(separator), found.split(separator)];
  const [gone, added] = [
    before.filter((part) => !after.includes(part)),
    after.filter((part) => !before.includes(part)),
  ];
  if (gone.length + added.length === 0) return [expected, found];
  return separator === "\n" ? [gone[0] ?? "", added[0] ?? ""] : [gone.join("; "), added.join("; ")];
}

const longestShown = 120;

function shown(text: string): string {
  const line = text.trim();
  if (line === "") return "nothing";
  return line.length <= longestShown ? line : `${line.slice(0, longestShown)}…`;
}
