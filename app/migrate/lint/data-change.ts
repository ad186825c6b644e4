import { bodyOf, nodesIn, relationIn } from "../parse-tree.ts";
import type { ParsedStatement } from "../statements.ts";
import { isMadeHere, keyOf, startOf, type FileFacts } from "./facts.ts";
import type { OwnRemark } from "./rules.ts";

/** The first change of existing rows in a transaction that also locks a table others may be using. */
export function dataChangeWithDdl(facts: FileFacts): OwnRemark[] {
  const locking = facts.statements.find((statement) => locksExisting(facts, statement));
  if (locking === undefined) return [];
  for (const statement of facts.statements) {
    const changed = changedTable(facts, statement);
    if (changed === undefined) continue;
    return [
      {
        rule: "data-change-with-ddl",
        offset: startOf(facts, statement),
        message: `Rows of ${changed} are changed in the transaction whose line ${locking.line} locks a table: the lock is held until the end of both.`,
      },
    ];
  }
  return [];
}

/** Statements that change tables others may be using; what they make anew nobody waits for. */
function locksExisting(facts: FileFacts, { node, tree, concurrently }: ParsedStatement): boolean {
  const body = bodyOf(tree);
  switch (node) {
    case "AlterTableStmt":
    case "IndexStmt":
    case "RenameStmt":
    case "CreateTrigStmt":
    case "RuleStmt":
    case "AlterObjectSchemaStmt":
      return (
        body["relation"] !== undefined && concurrently === undefined && !isMadeHere(facts, body["relation"])
      );
    case "CreatePolicyStmt":
    case "AlterPolicyStmt":
      return !isMadeHere(facts, body["table"]);
    case "DropStmt":
      return ["OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY"].includes(
        String(body["removeType"]),
      );
    case "TruncateStmt":
      return true;
    default:
      return false;
  }
}

const changes: ReadonlySet<string> = new Set(["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);

/** The existing table whose rows a statement changes, also in a WITH; bodies of functions and rules only wait there. */
function changedTable(facts: FileFacts, { node, tree }: ParsedStatement): string | undefined {
  if (!changes.has(node) && node !== "SelectStmt" && node !== "CreateTableAsStmt") return undefined;
  for (const [name, body] of nodesIn(tree)) {
    if (changes.has(name) && !isMadeHere(facts, body["relation"])) return keyOf(relationIn(body["relation"]));
  }
  return undefined;
}
