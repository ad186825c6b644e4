import { bodyOf, nodesIn, wordsOf } from "../parse-tree.ts";
import type { ParsedStatement } from "../statements.ts";
import { startOf, type FileFacts } from "./facts.ts";
import type { OwnRemark } from "./rules.ts";

/** What is to be said of a statement whether or not it runs in a transaction. */
export function judgeStatements(facts: FileFacts): OwnRemark[] {
  if (facts.statements.length === 0) {
    return [{ rule: "no-statement", offset: 0, message: "The file holds no statement." }];
  }
  return facts.statements.flatMap((statement) =>
    [
      copyProgram(statement),
      clusterWide(statement),
      hidesInvalidIndex(statement),
      releasesLock(statement),
      sessionSetting(facts, statement),
      unboundedRepeat(facts, statement),
    ].flatMap((found) => (found === undefined ? [] : [{ offset: startOf(facts, statement), ...found }])),
  );
}

type Found = Pick<OwnRemark, "rule" | "message"> | undefined;

function copyProgram({ node, tree }: ParsedStatement): Found {
  if (node !== "CopyStmt" || bodyOf(tree)["is_program"] !== true) return undefined;
  return { rule: "copy-program", message: "COPY … PROGRAM runs a shell command on the database host." };
}

const clusterWideNodes: ReadonlySet<string> = new Set([
  "CreateRoleStmt",
  "AlterRoleStmt",
  "AlterRoleSetStmt",
  "DropRoleStmt",
  "GrantRoleStmt",
  "CreateTableSpaceStmt",
  "DropTableSpaceStmt",
  "CreatedbStmt",
  "DropdbStmt",
  "AlterSystemStmt",
]);

function clusterWide({ node }: ParsedStatement): Found {
  if (!clusterWideNodes.has(node)) return undefined;
  return { rule: "cluster-wide", message: "This changes the whole server, not only this database." };
}

function hidesInvalidIndex({ concurrently }: ParsedStatement): Found {
  if (concurrently?.action !== "create" || !concurrently.ifNotExists) return undefined;
  return {
    rule: "concurrently-if-not-exists",
    message: "IF NOT EXISTS passes over an INVALID index that an interrupted build left under this name.",
  };
}

/** Calls of a function in the statement itself. */
function calls({ node, tree }: ParsedStatement, name: string): Record<string, unknown>[] {
  if (/^Create(?:Function|Trig)|^RuleStmt|^ViewStmt/.test(node)) return [];
  return [...nodesIn(tree)].flatMap(([type, body]) =>
    type === "FuncCall" && wordsOf(body["funcname"]).at(-1) === name ? [body] : [],
  );
}

function releasesLock(statement: ParsedStatement): Found {
  const { node, tree } = statement;
  const what =
    node === "DiscardStmt" && bodyOf(tree)["target"] === "DISCARD_ALL"
      ? "DISCARD ALL"
      : calls(statement, "pg_advisory_unlock_all").length > 0
        ? "pg_advisory_unlock_all()"
        : undefined;
  if (what === undefined) return undefined;
  return {
    rule: "releases-lock",
    message: `${what} releases the lock that keeps other runners out; the run ends with an error.`,
  };
}

function sessionSetting({ directives }: FileFacts, statement: ParsedStatement): Found {
  // Without a transaction there is no other way, and SET LOCAL would do nothing.
  if (directives.noTransaction) return undefined;
  const { node, tree } = statement;
  const message = "This setting is made for the session, not for the transaction.";
  if (node === "VariableSetStmt") {
    const body = bodyOf(tree);
    const sets =
      body["is_local"] !== true &&
      body["name"] !== "TRANSACTION" &&
      !["VAR_RESET", "VAR_RESET_ALL"].includes(String(body["kind"]));
    return sets ? { rule: "session-setting", message } : undefined;
  }
  const forSession = calls(statement, "set_config").some(({ args }) => {
    const local = (args as { A_Const?: { boolval?: { boolval?: boolean } } }[] | undefined)?.[2]?.A_Const;
    return local?.boolval !== undefined && local.boolval.boolval !== true;
  });
  return forSession ? { rule: "session-setting", message } : undefined;
}

function unboundedRepeat({ directives }: FileFacts, { node, tree }: ParsedStatement): Found {
  if (directives.repeatUntilZero === undefined) return undefined;
  if (!["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"].includes(node)) return undefined;
  for (const [, body] of nodesIn(tree)) if (body["limitCount"] !== undefined) return undefined;
  return {
    rule: "unbounded-repeat",
    message: "Nothing bounds a round of this repeated statement: the first one takes every row.",
  };
}
