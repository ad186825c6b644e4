import { callsOnlyBuiltIn } from "./built-in-calls.ts";
import { isParseFailure, largestParsed, parseStatements } from "./statements.ts";

/**
 * Whether a text provably does no more than change rows, whatever stands in its literals: a lock that it waits for keeps
 * no reader waiting, so lock_timeout need not cut it off. A function of one's own may do anything, DDL too; what
 * triggers do is not looked at.
 */
export async function onlyChangesRows(text: string): Promise<boolean> {
  if (otherWork.test(text)) return false;
  if (!mayCallFunctions(text)) return true;
  if (text.length > largestParsed) return false;
  const statements = await parseStatements(text);
  if (isParseFailure(statements)) return false;
  return statements.every(({ node, tree }) => changesRows.has(node) && callsOnlyBuiltIn(tree));
}

const otherWork =
  /\b(?:alter|create|drop|truncate|lock|comment|grant|revoke|reindex|refresh|cluster|vacuum|analyze|do|call|security|import|reassign|execute|prepare|load|discard|repack)\b/i;

const changesRows: ReadonlySet<string> = new Set([
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "CopyStmt",
  "VariableSetStmt",
  "TransactionStmt",
  "NotifyStmt",
]);

/** Whether a parenthesis stands behind what may be a function's name. Big texts of data mostly have none. */
function mayCallFunctions(text: string): boolean {
  if (text.includes("*/") || /--[^\n]*\n\s*\(/.test(text)) return true;
  for (const [, isTarget, word = ""] of text.matchAll(beforeParenthesis))
    if (isTarget === undefined && !noFunctions.has(word.toLowerCase())) return true;
  return false;
}

// A name of three parts is shorter; without a limit, a literal of megabytes would exhaust the stack of the matcher.
const beforeParenthesis = /(?<![\w$."\u0080-\uffff])(into\s+)?([\w$."\u0080-\uffff]{1,300})\s*\(/gi;

const noFunctions: ReadonlySet<string> = new Set(
  "values in and or not on as from where using any all some exists over filter returning union select then when else limit by having join set with except intersect lateral between like case distinct varchar char numeric decimal timestamp timestamptz time".split(
    " ",
  ),
);
