import {
  alterCommands,
  bodyOf,
  constraintOf,
  isConcurrentDetach,
  nodesIn,
  optionsOf,
  relationIn,
  wordsOf,
  type Node,
} from "../parse-tree.ts";
import type { ParsedStatement } from "../statements.ts";
import { dataChangeWithDdl } from "./data-change.ts";
import { keyOf, startOf, type FileFacts } from "./facts.ts";
import type { OwnRemark } from "./rules.ts";

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
  const body = bodyOf(tree);
  if (concurrently !== undefined) {
    const { action } = concurrently;
    return action === "reindex" ? "REINDEX CONCURRENTLY" : `${action.toUpperCase()} INDEX CONCURRENTLY`;
  }
  switch (node) {
    case "VacuumStmt":
      return body["is_vacuumcmd"] === true ? "VACUUM" : undefined;
    case "ClusterStmt":
      return body["relation"] === undefined ? "CLUSTER of all tables" : undefined;
    case "ReindexStmt":
      return ["REINDEX_OBJECT_SCHEMA", "REINDEX_OBJECT_SYSTEM", "REINDEX_OBJECT_DATABASE"].includes(
        String(body["kind"]),
      )
        ? "REINDEX of many tables"
        : undefined;
    case "AlterTableStmt":
      return alterCommands(body).some(isConcurrentDetach) ? "DETACH PARTITION CONCURRENTLY" : undefined;
    case "DiscardStmt":
      return body["target"] === "DISCARD_ALL" ? "DISCARD ALL" : undefined;
    case "AlterDatabaseStmt":
      return optionsOf(body["options"]).has("tablespace") ? "ALTER DATABASE … SET TABLESPACE" : undefined;
    case "CreateSubscriptionStmt": {
      const options = optionsOf(body["options"]);
      return options.has("connect") || options.has("create_slot") ? undefined : "CREATE SUBSCRIPTION";
    }
    case "AlterSubscriptionStmt":
      return body["kind"] === "ALTER_SUBSCRIPTION_REFRESH" ? "ALTER SUBSCRIPTION … REFRESH" : undefined;
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
    const body = bodyOf(tree);
    if (node === "CreateEnumStmt") madeTypes.add(typeNamed(body));
    if (node === "AlterEnumStmt") {
      const type = typeNamed(body);
      if (body["oldVal"] === undefined && !madeTypes.has(type)) added.set(String(body["newVal"]), type);
      return [];
    }
    for (const [name, inner] of added.size === 0 ? [] : nodesIn(tree)) {
      const value = (inner["sval"] as { sval?: string } | undefined)?.sval;
      const enumType = name === "A_Const" && value !== undefined ? added.get(value) : undefined;
      if (enumType === undefined) continue;
      return [
        {
          rule: "enum-value-used" as const,
          offset: facts.offsetOf(Number(inner["location"] ?? 0)),
          message: `'${value}' is added to ${enumType} in this very transaction; PostgreSQL refuses to use it before the commit.`,
        },
      ];
    }
    return [];
  });
}

/** The enum that a statement makes or changes; elsewhere a `typeName` is something else. */
function typeNamed(body: Node): string {
  return wordsOf(body["typeName"]).at(-1) ?? "";
}

function validatedAtOnce(facts: FileFacts): OwnRemark[] {
  const notValid = new Set<string>();
  return facts.statements.flatMap((statement) => {
    if (statement.node !== "AlterTableStmt") return [];
    const body = bodyOf(statement.tree);
    const table = keyOf(relationIn(body["relation"]));
    return alterCommands(body).flatMap((command) => {
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
