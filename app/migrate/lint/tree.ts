import type { Node } from "../statements.ts";

export interface Relation {
  readonly schema: string | undefined;
  readonly name: string;
}

/** Everything that has a name in a tree, with its name: node types such as `RangeVar`, and fields such as `into`. */
export function* nodesOf(node: string, tree: Node): Generator<readonly [string, Node]> {
  // A stack of our own: an expression may be nested deeper than ours goes.
  const left: (readonly [string, unknown])[] = [[node, tree]];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [name, value] = next;
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) for (const item of value as unknown[]) left.push([name, item]);
    else {
      yield [name, value as Node];
      for (const entry of Object.entries(value)) left.push(entry);
    }
  }
}

/** The name in a RangeVar. */
export function relationIn(rangeVar: unknown): Relation {
  const { schemaname, relname } = (rangeVar ?? {}) as { schemaname?: string; relname?: string };
  return { schema: schemaname, name: relname ?? "" };
}

/** The words of a list of String nodes: a qualified name, for example. */
export function wordsOf(list: unknown): string[] {
  return ((list as { String?: { sval?: string } }[] | undefined) ?? []).map(
    ({ String: word }) => word?.sval ?? "",
  );
}

/** The commands of an ALTER TABLE. */
export function alterCommands(tree: Node): Node[] {
  return ((tree["cmds"] as { AlterTableCmd?: Node }[] | undefined) ?? []).map(
    ({ AlterTableCmd: command }) => command ?? {},
  );
}
/** The constraint that a command of ALTER TABLE adds. */
export function constraintOf(command: Node): Node | undefined {
  return (command["def"] as { Constraint?: Node } | undefined)?.Constraint;
}

/** The options of a statement by name. */
export function optionsOf(list: unknown): Map<string, string> {
  const options =
    (list as { DefElem?: { defname?: string; arg?: { String?: { sval?: string } } } }[] | undefined) ?? [];
  return new Map(
    options.map(({ DefElem: option }) => [option?.defname ?? "", option?.arg?.String?.sval ?? ""]),
  );
}
