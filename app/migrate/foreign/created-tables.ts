import type { KnownMigration } from "../history.ts";
import { readMigrationText } from "../migration-text.ts";
import { relationIn, type Relation } from "../parse-tree.ts";
import { isParseFailure, largestParsed, parseStatements } from "../statements.ts";

/**
 * The tables that these files create, as they name them; temporary ones aside. What a file in code or inside DO creates
 * does not show, nor what a text holds that is too large to be parsed or is refused.
 */
export async function readCreatedTables(files: readonly KnownMigration[]): Promise<readonly Relation[]> {
  const created: Relation[] = [];
  for (const { kind, upPath } of files) {
    const content = kind === "sql" ? readMigrationText(upPath) : "";
    if (typeof content === "string" || content.text.length > largestParsed) continue;
    const statements = await parseStatements(content.text);
    if (!isParseFailure(statements)) for (const { tree } of statements) createdBy(tree, undefined, created);
  }
  return created;
}

type Tree = Readonly<Record<string, unknown>>;

function createdBy(tree: unknown, schema: string | undefined, created: Relation[]): void {
  for (const [kind, node] of Object.entries((tree ?? {}) as Tree)) {
    const body = node as Tree;
    const target =
      kind === "CreateStmt"
        ? body["relation"]
        : kind === "CreateForeignTableStmt"
          ? (body["base"] as Tree | undefined)?.["relation"]
          : kind === "CreateTableAsStmt" || kind === "SelectStmt"
            ? ((body["into"] ?? body["intoClause"]) as Tree | undefined)?.["rel"]
            : undefined;
    if (target !== undefined && (target as Tree)["relpersistence"] !== "t") {
      const relation = relationIn(target);
      created.push({ schema: relation.schema ?? schema, name: relation.name });
    }
    if (kind === "CreateSchemaStmt")
      for (const element of (body["schemaElts"] as unknown[] | undefined) ?? [])
        createdBy(element, body["schemaname"] as string | undefined, created);
  }
}
