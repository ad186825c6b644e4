/** What one step of a model migration does. Each leaves a trace that running it twice, never, or in another order changes. */
export type StepKind = "bump" | "table" | "column" | "index" | "detach" | "fail";

/** What a model migration holds. Its identity, `id`, has nothing to do with its number or its name. */
export interface Content {
  readonly id: number;
  /** Counts edits that change what it does. */
  readonly revision: number;
  /** Counts edits of comments. */
  readonly note: number;
  readonly steps: readonly StepKind[];
  readonly noTransaction: boolean;
  readonly breaking: boolean;
  readonly deferred: boolean;
  readonly irreversible: boolean;
}

export type Direction = "up" | "down";

/** A file of the folder; up and down are one here. */
export interface ModelFile {
  readonly version: number;
  readonly label: string;
  readonly content: Content;
}

export function nameOf({ version, label }: Pick<ModelFile, "version" | "label">): string {
  return `${String(version).padStart(6, "0")}_${label}`;
}

/** Equal for equal texts, and only for those. */
export function stampOf(content: Content): string {
  return JSON.stringify(content);
}

/** What `bump` adds: another number for each migration and each real edit of it. */
export function addend({ id, revision }: Content): number {
  return id * 7 + revision * 101;
}

/** All numbers stay below this prime, so that `v * 3 + addend` can be taken back exactly. */
export const modulus = 1_000_003;
/** The inverse of 3. */
export const third = 666_669;

/** The class of the advisory locks that are the gates. */
export const gateClass = 4711;

/** The gate in front of a step. */
export function gateOf({ id }: Content, direction: Direction, step: number): number {
  return id * 100 + (direction === "up" ? 0 : 50) + step;
}

/** Steps that PostgreSQL commits in the middle, so that they can be half done. */
export function canBeHalfDone(kind: StepKind, direction: Direction): boolean {
  return kind === "index" || (kind === "detach" && direction === "up");
}

/** The steps in the order in which a direction takes them, each with its place in the file. */
export function stepsOf(content: Content, direction: Direction): readonly StepKind[] {
  return direction === "up" ? content.steps : content.steps.toReversed();
}

/** The text of a migration's file in one direction; undefined: it has no way down. */
export function textOf(content: Content, direction: Direction): string | undefined {
  if (direction === "down" && content.irreversible) return undefined;
  const directives = [
    ...(content.noTransaction ? ["no-transaction"] : []),
    ...(content.breaking && direction === "up" ? ["breaking"] : []),
    ...(content.deferred && direction === "up" ? ["deferred"] : []),
    ...(content.irreversible ? ["irreversible what it removed is not kept"] : []),
  ];
  return [
    ...directives.map((directive) => `-- migrate: ${directive}`),
    ...(content.note > 0 ? [`-- Note ${content.note}.`] : []),
    ...stepsOf(content, direction).flatMap((kind, step) => [
      `SELECT pg_advisory_xact_lock_shared(${gateClass}, ${gateOf(content, direction, step)});`,
      sqlOf(kind, direction, content),
    ]),
    "",
  ].join("\n");
}

function sqlOf(kind: StepKind, direction: Direction, content: Content): string {
  const { id } = content;
  const up = direction === "up";
  switch (kind) {
    case "bump":
      return up
        ? `UPDATE counter SET v = (v * 3 + ${addend(content)}) % ${modulus};`
        : `UPDATE counter SET v = ((v - ${addend(content)} + ${modulus}) % ${modulus}) * ${third} % ${modulus};`;
    case "table":
      return up ? `CREATE TABLE t_${id} (n int);` : `DROP TABLE t_${id};`;
    case "column":
      return up ? `ALTER TABLE base ADD COLUMN c_${id} int;` : `ALTER TABLE base DROP COLUMN c_${id};`;
    case "index":
      return up ? `CREATE INDEX CONCURRENTLY i_${id} ON base (n);` : `DROP INDEX CONCURRENTLY i_${id};`;
    case "detach":
      return up
        ? `ALTER TABLE parted DETACH PARTITION p_${id} CONCURRENTLY;`
        : `ALTER TABLE parted ATTACH PARTITION p_${id} FOR VALUES IN (${id});`;
    case "fail":
      return up ? "SELECT 1 / (v - v) FROM counter;" : "SELECT 1;";
    default:
      return kind satisfies never;
  }
}

/** How many migrations of a run may detach a partition; the first migration makes that many. */
export const partitions = 24;

/** The migration that every folder begins with. */
export const baseFiles: Readonly<Record<string, string>> = {
  "000001_base.up.sql": [
    "-- migrate: irreversible everything stands on it",
    "CREATE TABLE counter (v bigint NOT NULL);",
    "INSERT INTO counter VALUES (1);",
    "CREATE TABLE base (n int);",
    "INSERT INTO base VALUES (1);",
    "CREATE TABLE parted (id int NOT NULL) PARTITION BY LIST (id);",
    ...Array.from(
      { length: partitions },
      (_, i) => `CREATE TABLE p_${i + 1} PARTITION OF parted FOR VALUES IN (${i + 1});`,
    ),
    "",
  ].join("\n"),
};
export const baseName = "000001_base";
