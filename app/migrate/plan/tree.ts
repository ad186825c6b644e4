import type { Node, RangeVar, TypeName } from "libpg-query";
import type { RelationName } from "./schema.ts";

/** Calls `visit` for each object in a tree with the key it stands under, the outer ones first. `false` stops going deeper. */
export function walk(tree: unknown, visit: (key: string, value: object) => void | false, key = ""): void {
  if (typeof tree !== "object" || tree === null) return;
  if (!Array.isArray(tree) && visit(key, tree) === false) return;
  for (const [inner, value] of Object.entries(tree)) walk(value, visit, Array.isArray(tree) ? key : inner);
}

/** Every word that may be a name; what is longer than a name can be is data. */
export function wordsIn(tree: unknown, words: Set<string>): void {
  walk(tree, (_key, value) => {
    for (const word of Object.values(value))
      if (typeof word === "string" && word.length > 0 && word.length < 64) words.add(word);
  });
}

/** Types as they are written; `table.column%TYPE` is none that could be looked up. */
export function typesIn(tree: unknown, types: Set<string>): void {
  walk(tree, (key, value) => {
    if (key !== "typeName" && key !== "TypeName") return;
    const { names = [], pct_type: isOfColumn } = value as TypeName;
    if (!isOfColumn && names.length > 0 && names.length < 3) types.add(typeText(value));
  });
}

/** As `to_regtype` reads it, without what stands in parentheses. */
export function typeText({ names, arrayBounds }: TypeName): string {
  const parts = stringsIn(names).map((part) => `"${part.replaceAll('"', '""')}"`);
  return parts.join(".") + ((arrayBounds?.length ?? 0) > 0 ? "[]" : "");
}

/** What stands in parentheses behind a type. */
export function typeSize({ typmods }: TypeName): number[] {
  return (typmods ?? []).map((node) => ("A_Const" in node ? (node.A_Const.ival?.ival ?? 0) : Number.NaN));
}

export function stringsIn(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => ("String" in node ? (node.String.sval ?? "") : ""));
}

/** A qualified name that stands in a tree as a list of its parts. */
export function nameFrom(node: Node | undefined): string[] {
  if (node === undefined) return [];
  if ("List" in node) return stringsIn(node.List.items);
  return "String" in node ? [node.String.sval ?? ""] : [];
}

export function relationFrom(parts: readonly string[]): RelationName {
  const [schemaname, relname] = [parts.at(-2), parts.at(-1) ?? ""];
  return schemaname === undefined ? { relname } : { schemaname, relname };
}

/** Names of functions that are called somewhere in a tree. */
export function callsIn(tree: unknown): string[] {
  const names: string[] = [];
  walk(tree, (key, value) => {
    if (key === "FuncCall") names.push(stringsIn((value as { funcname?: Node[] }).funcname).at(-1) ?? "");
  });
  return names;
}

/** The tables that a query reads, and those that a part of it locks or changes; names from WITH are none. */
export function relationsIn(tree: unknown): RangeVar[] {
  const found: RangeVar[] = [];
  const local = new Set<string>();
  walk(tree, (key, value) => {
    if (key === "CommonTableExpr") local.add((value as { ctename?: string }).ctename ?? "");
    // A statement's own target stands under `relation`, a table that it reads under `RangeVar`.
    if (key === "RangeVar" || (key === "relation" && "relname" in value)) found.push(value);
  });
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
  return stringsIn(expression.ColumnRef.fields).at(-1);
}

/** Columns that an expression mentions. */
export function columnsIn(expression: unknown): string[] {
  const names: string[] = [];
  walk(expression, (key, value) => {
    if (key === "ColumnRef") names.push(stringsIn((value as { fields?: Node[] }).fields).at(-1) ?? "");
  });
  return names;
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
