import type { RawStmt } from "libpg-query";

/** A statement as the parser's own types describe it, under the name of its kind: `{ IndexStmt: { relation: … } }`. */
export type TreeNode = NonNullable<RawStmt["stmt"]>;

/** What stands in a tree under some name, where only a few of its fields are looked at. */
export type Node = Readonly<Record<string, unknown>>;

/** What stands below the name of a statement's kind. */
export function bodyOf(tree: TreeNode): Node {
  return (Object.values(tree)[0] ?? {}) as Node;
}

/**
 * Everything that has a name in a tree, with its name: node types such as `RangeVar`, and fields such as `into`; the
 * outer ones first, in the order of the tree.
 */
export function* nodesIn(tree: unknown, name = ""): Generator<readonly [name: string, node: Node]> {
  // A stack of our own: an expression may be nested deeper than ours goes.
  const left: (readonly [string, unknown])[] = [[name, tree]];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [key, value] = next;
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) for (const item of value.toReversed() as unknown[]) left.push([key, item]);
    else {
      yield [key, value as Node];
      for (const entry of Object.entries(value).toReversed()) left.push(entry);
    }
  }
}

/** The words of a list of String nodes: a qualified name, for example. */
export function wordsOf(list: unknown): string[] {
  return ((list as { String?: { sval?: string } }[] | undefined) ?? []).map(
    ({ String: word }) => word?.sval ?? "",
  );
}

/** The parts of a name that stands in a list of its own, or alone. */
export function nameParts(node: unknown): string[] {
  const { List: list, String: word } = (node ?? {}) as { List?: { items?: unknown }; String?: unknown };
  if (list !== undefined) return wordsOf(list.items);
  return word === undefined ? [] : wordsOf([node]);
}

export interface Relation {
  readonly schema: string | undefined;
  readonly name: string;
}

/** The name in a RangeVar. */
export function relationIn(rangeVar: unknown): Relation {
  const { schemaname, relname } = (rangeVar ?? {}) as { schemaname?: string; relname?: string };
  return { schema: schemaname, name: relname ?? "" };
}

/** The commands of an ALTER TABLE. */
export function alterCommands(body: Node): Node[] {
  return ((body["cmds"] as { AlterTableCmd?: Node }[] | undefined) ?? []).map(
    ({ AlterTableCmd: command }) => command ?? {},
  );
}

/** Whether a command of ALTER TABLE is DETACH PARTITION … CONCURRENTLY. */
export function isConcurrentDetach({ def }: Node): boolean {
  return (def as { PartitionCmd?: Node } | undefined)?.PartitionCmd?.["concurrent"] === true;
}

/** The constraint that a command of ALTER TABLE adds. */
export function constraintOf({ def }: Node): Node | undefined {
  return (def as { Constraint?: Node } | undefined)?.Constraint;
}

/** The options of a statement by name. */
export function optionsOf(list: unknown): Map<string, string> {
  const options =
    (list as { DefElem?: { defname?: string; arg?: { String?: { sval?: string } } } }[] | undefined) ?? [];
  return new Map(
    options.map(({ DefElem: option }) => [option?.defname ?? "", option?.arg?.String?.sval ?? ""]),
  );
}
