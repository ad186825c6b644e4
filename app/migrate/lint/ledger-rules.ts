import { bodyOf, nameParts, nodesIn, relationIn } from "../parse-tree.ts";
import type { ParsedStatement } from "../statements.ts";
import { keyOf, startOf, type FileFacts } from "./facts.ts";
import type { OwnRemark } from "./rules.ts";

const changes: ReadonlySet<string> = new Set([
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "TruncateStmt",
  "AlterTableStmt",
  "RenameStmt",
  "AlterObjectSchemaStmt",
  "CreateTrigStmt",
  "RuleStmt",
]);

/** Statements that write to Headgate's own tables, which say what has been run. */
export function judgeLedger(facts: FileFacts): OwnRemark[] {
  return facts.statements.flatMap((statement) => {
    const written = writtenBy(statement).find((name) => facts.ledger.has(name.split(".").at(-1)!));
    if (written === undefined) return [];
    return [
      {
        rule: "writes-ledger" as const,
        offset: startOf(facts, statement),
        message: `${written} is Headgate's own table of what has been run; only its commands may change it.`,
      },
    ];
  });
}

/** The tables that a statement changes, also in a WITH. Bodies of functions and blocks are text here, and are not read. */
function writtenBy({ node, tree }: ParsedStatement): string[] {
  const body = bodyOf(tree);
  if (node === "DropStmt")
    return ((body["objects"] as object[] | undefined) ?? []).map((object) => nameParts(object).join("."));
  if (node === "CopyStmt" && body["is_from"] !== true) return [];
  const targets = [...nodesIn(tree)].flatMap(([name, inner]) => {
    if (name === "TruncateStmt") return [...nodesIn(inner["relations"])].map(([, relation]) => relation);
    return changes.has(name) || name === "CopyStmt" ? [inner["relation"]] : [];
  });
  return targets.filter((target) => target !== undefined).map((target) => keyOf(relationIn(target)));
}
