import type { Node, RangeVar, TypeName } from "libpg-query";
import { nodesIn, wordsOf } from "../parse-tree.ts";
import type { RelationName } from "./schema.ts";

/** Every word that may be a name; what is longer than a name can be is data. */
export function wordsIn(tree: unknown, words: Set<string>): void {
  for (const [, node] of nodesIn(tree))
    for (const word of Object.values(node))
      if (typeof word === "string" && word.length > 0 && word.length < 64) words.add(word);
}

/** Types as they are written; `table.column%TYPE` is none that could be looked up. */
export function typesIn(tree: unknown, types: Set<string>): void {
  for (const [name, node] of nodesIn(tree)) {
    if (name !== "typeName" && name !== "TypeName") continue;
    const { names = [], pct_type: isOfColumn } = node as TypeName;
    if (!isOfColumn && names.length > 0 && names.length < 3) types.add(typeText(node));
  }
}

/** As `to_regtype` reads it, without what stands in parentheses. */
export function typeText({ names, arrayBounds }: TypeName): string {
  const parts = wordsOf(names).map((part) => `"${part.replaceAll('"', '""')}"`);
  return parts.join(".") + ((arrayBounds?.length ?? 0) > 0 ? "[]" : "");
}

/** What stands in parentheses behind a type. */
export function typeSize({ typmods }: TypeName): number[] {
  return (typmods ?? []).map((node) => ("A_Const" in node ? (node.A_Const.ival?.ival ?? 0) : Number.NaN));
}

export function relationFrom(parts: readonly string[]): RelationName {
  const [schemaname, relname] = [parts.at(-2), parts.at(-1) ?? ""];
  return schemaname === undefined ? { relname } : { schemaname, relname };
}

/** Names of functions that are called somewhere in a tree. */
export function callsIn(tree: unknown): string[] {
  return lastWords(tree, "FuncCall", "funcname");
}

/** The tables that a query reads, and those that a part of it locks or changes; names from WITH are none. */
export function relationsIn(tree: unknown): RangeVar[] {
  const found: RangeVar[] = [];
  const local = new Set<string>();
  for (const [name, node] of nodesIn(tree)) {
    if (name === "CommonTableExpr") local.add(String(node["ctename"]));
    // A statement's own target stands under `relation`, a table that it reads under `RangeVar`.
    if (name === "RangeVar" || (name === "relation" && "relname" in node)) found.push(node);
  }
  return found.filter(({ schemaname, relname }) => schemaname !== undefined || !local.has(relname ?? ""));
}

/** Columns of which an expression says that they are not null, alone or beside other conditions. */
export function provesNotNull(expression: Node | undefined): string[] {
  if (expression === undefined) return [];
  if ("BoolExpr" in expression && expression.BoolExpr.boolop === "AND_EXPR")
    return (expression.BoolExpr.args ?? []).flatMap((part) => provesNotNull(part));
  if (!("NullTest" in expression) || expression.NullTest.nulltesttype !== "IS_NOT_NULL") return [];
  const column = columnOf(expression.NullTest.arg);
  return column === undefined ? [] : [column];
}

/** The column that an expression is, and nothing else. */
export function columnOf(expression: Node | undefined): string | undefined {
  if (expression === undefined || !("ColumnRef" in expression)) return undefined;
  return wordsOf(expression.ColumnRef.fields).at(-1);
}

/** Columns that an expression mentions. */
export function columnsIn(expression: unknown): string[] {
  return lastWords(expression, "ColumnRef", "fields");
}

/** Of each node of a type, the last word of a qualified name that it has. */
function lastWords(tree: unknown, type: string, field: string): string[] {
  return [...nodesIn(tree)].flatMap(([name, node]) =>
    name === type ? [wordsOf(node[field]).at(-1) ?? ""] : [],
  );
}

export function rangeVars(nodes: readonly Node[] | undefined): RangeVar[] {
  return (nodes ?? []).flatMap((node) => ("RangeVar" in node ? [node.RangeVar] : []));
}

/** Whether an object type of the parser is that of something with rows, or of an index. */
export function isRelation(objtype: string): boolean {
  return /^OBJECT_(?:TABLE|VIEW|MATVIEW|INDEX|SEQUENCE|FOREIGN_TABLE)$/.test(objtype);
}

/** Whether its name is written behind the name of a table. */
export function isPartOfTable(objtype: string): boolean {
  return /^OBJECT_(?:TRIGGER|RULE|POLICY|TABCONSTRAINT)$/.test(objtype);
}
