import { type Node, nodesIn, optionsOf } from "../parse-tree.ts";
import { startOf, type FileFacts } from "./facts.ts";
import type { OwnRemark } from "./rules.ts";

interface Feature {
  /** The first major version that has it. */
  readonly since: number;
  readonly name: string;
  readonly isUsed: (node: string, body: Node) => boolean;
}

/** Source: "E.x Release" notes of PostgreSQL 14 to 18, as far as the parse tree tells. */
const features: readonly Feature[] = [
  {
    since: 14,
    name: "DETACH PARTITION CONCURRENTLY",
    isUsed: (node, body) => node === "PartitionCmd" && body["concurrent"] === true,
  },
  {
    since: 14,
    name: "a function body in standard SQL",
    isUsed: (node, body) => node === "CreateFunctionStmt" && body["sql_body"] !== undefined,
  },
  {
    since: 14,
    name: "CREATE OR REPLACE TRIGGER",
    isUsed: (node, body) => node === "CreateTrigStmt" && body["replace"] === true,
  },
  {
    since: 14,
    name: "COMPRESSION of a column",
    isUsed: (node, body) =>
      (node === "ColumnDef" && body["compression"] !== undefined) || body["subtype"] === "AT_SetCompression",
  },
  {
    since: 15,
    name: "NULLS NOT DISTINCT",
    isUsed: (node, body) =>
      (node === "IndexStmt" || node === "Constraint") && body["nulls_not_distinct"] === true,
  },
  {
    since: 15,
    name: "a view with security_invoker",
    isUsed: (node, body) => node === "ViewStmt" && optionsOf(body["options"]).has("security_invoker"),
  },
  { since: 15, name: "MERGE", isUsed: (node) => node === "MergeStmt" },
  {
    since: 17,
    name: "MERGE … RETURNING",
    isUsed: (node, body) => node === "MergeStmt" && body["returningClause"] !== undefined,
  },
  { since: 17, name: "JSON_TABLE", isUsed: (node) => node === "JsonTable" },
  {
    since: 17,
    name: "ALTER COLUMN … SET EXPRESSION",
    isUsed: (_node, body) => body["subtype"] === "AT_SetExpression",
  },
  {
    since: 18,
    name: "a virtual generated column",
    isUsed: (node, body) => node === "Constraint" && body["generated_kind"] === "v",
  },
  {
    since: 18,
    name: "WITHOUT OVERLAPS",
    isUsed: (node, body) => node === "Constraint" && body["without_overlaps"] === true,
  },
  {
    since: 18,
    name: "NOT ENFORCED",
    isUsed: (node, body) =>
      node === "Constraint" &&
      ["CONSTR_CHECK", "CONSTR_FOREIGN"].includes(String(body["contype"])) &&
      body["is_enforced"] !== true,
  },
];

/** What the server does not understand yet. */
export function judgeForServer(facts: FileFacts): OwnRemark[] {
  const { serverVersion, statements } = facts;
  const tooNew = features.filter(({ since }) => since > serverVersion);
  if (tooNew.length === 0) return [];
  return statements.flatMap((statement) => {
    const nodes = [...nodesIn(statement.tree)];
    return tooNew
      .filter(({ isUsed }) => nodes.some(([node, body]) => isUsed(node, body)))
      .map(({ since, name }) => ({
        rule: "needs-newer-server" as const,
        offset: startOf(facts, statement),
        message: `PostgreSQL ${serverVersion} does not have ${name}; it came with version ${since}.`,
      }));
  });
}
