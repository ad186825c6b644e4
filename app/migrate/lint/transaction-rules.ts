import type { Node, ParsedStatement } from "../statements.ts";
import { dataChangeWithDdl } from "./data-change.ts";
import { keyOf, startOf, type FileFacts } from "./facts.ts";
import type { OwnRemark } from "./rules.ts";
import { alterCommands, constraintOf, nodesOf, optionsOf, relationIn, wordsOf } from "./tree.ts";

/** What cannot, or should not, stand in one transaction. */
export function judgeTransaction(facts: FileFacts): OwnRemark[] {
  if (facts.directives.noTransaction) return mixedWithConcurrently(facts);
  return [
    ...cannotRun(facts),
    ...enumValuesUsed(facts),
    ...validatedAtOnce(facts),
    ...dataChangeWithDdl(facts),
    ...ownTransaction(facts),
  ];
}

function cannotRun(facts: FileFacts): OwnRemark[] {
  return facts.statements.flatMap((statement) => {
    const what = refusedInTransaction(statement);
    if (what === undefined) return [];
    return [
      {
        rule: "cannot-run-in-transaction",
        offset: startOf(facts, statement),
        message: `${what} cannot run inside a transaction, and this file runs in one.`,
      },
    ];
  });
}

/**
 * The statement's name where PostgreSQL surely refuses it in a transaction block. Source: its callers of
 * PreventInTransactionBlock. What depends on more than the text (DO, CALL, DROP SUBSCRIPTION) is not meant.
 */
function refusedInTransaction({ node, tree, concurrently }: ParsedStatement): string | undefined {
  if (concurrently !== undefined) {
    const { action } = concurrently;
    return action === "reindex" ? "REINDEX CONCURRENTLY" : `${action.toUpperCase()} INDEX CONCURRENTLY`;
  }
  switch (node) {
    case "VacuumStmt":
      return tree["is_vacuumcmd"] === true ? "VACUUM" : undefined;
    case "ClusterStmt":
      return tree["relation"] === undefined ? "CLUSTER of all tables" : undefined;
    case "ReindexStmt":
      return ["REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_SYSTEM", "REINDEX_OBJECT_DATABASE"].includes(
        String(tree["kind"]),
      )
        ? "REINDEX of many tables"
        : undefined;
    case "AlterTableStmt":
      return alterCommands(tree).some(isConcurrentDetach) ? "DETACH PARTITION CONCURRENTLY" : undefined;
    case "DiscardStmt":
      return tree["target"] === "DISCARD_ALL" ? "DISCARD ALL" : undefined;
    case "AlterDatabaseStmt":
      return optionsOf(tree["options"]).has("tablespace") ? "ALTER DATABASE … SET TABLESPACE" : undefined;
    case "CreateSubscriptionStmt": {
      const options = optionsOf(tree["options"]);
      return options.has("connect") || options.has("create_slot") ? undefined : "CREATE SUBSCRIPTION";
    }
    case "AlterSubscriptionStmt":
      return tree["kind"] === "ALTER_SUBSCRIPTION_REFRESH" ? "ALTER SUBSCRIPTION … REFRESH" : undefined;
    default:
      return refused.get(node);
  }
}

const refused: ReadonlyMap<string, string> = new Map([
  ["AlterSystemStmt", "ALTER SYSTEM"],
  ["CreatedbStmt", "CREATE DATABASE"],
  ["DropdbStmt", "DROP DATABASE"],
  ["CreateTableSpaceStmt", "CREATE TABLESPACE"],
  ["DropTableSpaceStmt", "DROP TABLESPACE"],
]);

function isConcurrentDetach({ def }: Node): boolean {
  return (def as { PartitionCmd?: Node } | undefined)?.PartitionCmd?.["concurrent"] === true;
}

function mixedWithConcurrently(facts: FileFacts): OwnRemark[] {
  const { statements } = facts;
  if (!statements.some(({ concurrently }) => concurrently !== undefined)) return [];
  const other = statements.find(
    ({ concurrently, setsSession }) => concurrently === undefined && !setsSession,
  );
  if (other === undefined) return [];
  return [
    {
      rule: "mixed-with-concurrently",
      offset: startOf(facts, other),
      message: "This statement stands beside CONCURRENTLY, and is committed by itself.",
    },
  ];
}

/** 55P04: a value may be used once the transaction that added it is committed, unless it also made the type. */
function enumValuesUsed(facts: FileFacts): OwnRemark[] {
  const madeTypes = new Set<string>();
  const added = new Map<string, string>();
  return facts.statements.flatMap((statement) => {
    const { node, tree } = statement;
    const type = wordsOf(tree["typeName"]).at(-1) ?? "";
    if (node === "CreateEnumStmt") madeTypes.add(type);
    if (node === "AlterEnumStmt") {
      if (tree["oldVal"] === undefined && !madeTypes.has(type)) added.set(String(tree["newVal"]), type);
      return [];
    }
    for (const [name, body] of added.size === 0 ? [] : nodesOf(node, tree)) {
      const value = (body["sval"] as { sval?: string } | undefined)?.sval;
      const enumType = name === "A_Const" && value !== undefined ? added.get(value) : undefined;
      if (enumType === undefined) continue;
      return [
        {
          rule: "enum-value-used" as const,
          offset: facts.offsetOf(Number(body["location"] ?? 0)),
          message: `'${value}' is added to ${enumType} in this very transaction; PostgreSQL refuses to use it before the commit.`,
        },
      ];
    }
    return [];
  });
}

function validatedAtOnce(facts: FileFacts): OwnRemark[] {
  const notValid = new Set<string>();
  return facts.statements.flatMap((statement) => {
    if (statement.node !== "AlterTableStmt") return [];
    const table = keyOf(relationIn(statement.tree["relation"]));
    return alterCommands(statement.tree).flatMap((command) => {
      const constraint = constraintOf(command);
      if (constraint?.["skip_validation"] === true) notValid.add(`${table} ${String(constraint["conname"])}`);
      if (command["subtype"] !== "AT_ValidateConstraint") return [];
      const name = String(command["name"]);
      if (!notValid.has(`${table} ${name}`)) return [];
      return [
        {
          rule: "validated-at-once" as const,
          offset: startOf(facts, statement),
          message: `${name} was added as NOT VALID in this very transaction, so ${table} stays locked while it is scanned.`,
          insteadOf: {
            rule: "constraint-missing-not-valid",
            end: statement.offset + statement.text.length,
          },
        },
      ];
    });
  });
}

function ownTransaction(facts: FileFacts): OwnRemark[] {
  const first = facts.statements.find(({ endsTransaction }) => endsTransaction);
  if (first === undefined) return [];
  return [
    {
      rule: "own-transaction",
      offset: startOf(facts, first),
      message: "The file brings its own transaction, which is left out.",
    },
  ];
}
