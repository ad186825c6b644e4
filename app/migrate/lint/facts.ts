import type { Directives } from "../directives.ts";
import { type Relation, bodyOf, nodesIn, relationIn } from "../parse-tree.ts";
import { skipComments, type ParsedStatement } from "../statements.ts";

/** What rules about statements look at: one file, parsed. */
export interface FileFacts {
  readonly text: string;
  readonly statements: readonly ParsedStatement[];
  readonly directives: Directives;
  /** The major version that the file is judged for. */
  readonly serverVersion: number;
  /** Names of Headgate's own tables. */
  readonly ledger: ReadonlySet<string>;
  /** Tables that the file itself makes: nobody else has them yet. */
  readonly madeHere: readonly Relation[];
  /** Turns a `location` of the parser, in bytes, into an offset of the text. */
  offsetOf(location: number): number;
}

export function createFacts(
  text: string,
  statements: readonly ParsedStatement[],
  directives: Directives,
  serverVersion: number,
  ledger: ReadonlySet<string>,
): FileFacts {
  const bytes = Buffer.from(text, "utf8");
  return {
    text,
    statements,
    directives,
    serverVersion,
    ledger,
    madeHere: statements.flatMap(madeBy),
    offsetOf: (location) =>
      bytes.length === text.length ? location : bytes.toString("utf8", 0, location).length,
  };
}

/** Where the first word of a statement stands. */
export function startOf({ text }: FileFacts, statement: ParsedStatement): number {
  return skipComments(text, statement.offset);
}

/** The table's name, with its schema where it is written. */
export function keyOf({ schema, name }: Relation): string {
  return schema === undefined ? name : `${schema}.${name}`;
}

/** Whether the file makes the table of a RangeVar; a schema that is written once only is taken for the same. */
export function isMadeHere({ madeHere }: FileFacts, rangeVar: unknown): boolean {
  const { schema, name } = relationIn(rangeVar);
  return madeHere.some(
    (made) =>
      made.name === name && (made.schema === schema || made.schema === undefined || schema === undefined),
  );
}

function madeBy({ node, tree }: ParsedStatement): Relation[] {
  if (node === "CreateStmt") return [relationIn(bodyOf(tree)["relation"])];
  if (node !== "CreateTableAsStmt" && node !== "SelectStmt") return [];
  // CREATE TABLE … AS and SELECT … INTO
  return [...nodesIn(tree)].flatMap(([name, { rel }]) =>
    (name === "into" || name === "intoClause") && rel !== undefined ? [relationIn(rel)] : [],
  );
}
