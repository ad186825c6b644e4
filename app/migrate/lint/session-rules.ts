import { bodyOf, nodesIn, wordsOf } from "../parse-tree.ts";
import type { ParsedStatement } from "../statements.ts";
import { startOf, type FileFacts } from "./facts.ts";
import type { OwnRemark } from "./rules.ts";

/**
 * What a statement outside a transaction leaves in the session for those behind it, and what a resumed run could not
 * make again: its session is another one.
 */
export function judgeSessionState(facts: FileFacts): OwnRemark[] {
  if (!facts.directives.noTransaction) return [];
  return facts.statements.slice(0, -1).flatMap((statement) => {
    const what = leftInSession(statement);
    if (what === undefined) return [];
    return [
      {
        rule: "session-state" as const,
        offset: startOf(facts, statement),
        message: `${what} lives in the session, and is gone when the run is interrupted; a later run cannot resume behind it.`,
      },
    ];
  });
}

const lockFunctions = /^pg_(?:try_)?advisory_lock(?:_shared)?$/;

function leftInSession({ node, tree }: ParsedStatement): string | undefined {
  const body = bodyOf(tree);
  if (/^(?:Create|View)/.test(node) && [body["relation"], body["view"], body["sequence"]].some(isTemporary))
    return "What is TEMPORARY";
  // What a function does when it is called is not what its definition does.
  if (/^Create(?:Function|Trig)|^RuleStmt|^ViewStmt/.test(node)) return undefined;
  if (node === "ListenStmt") return "LISTEN";
  if (node === "DeclareCursorStmt") return "A cursor WITH HOLD";
  for (const [name, inner] of nodesIn(tree)) {
    if ((name === "into" || name === "intoClause") && isTemporary(inner["rel"])) return "A temporary table";
    if (name !== "FuncCall") continue;
    const called = wordsOf(inner["funcname"]).at(-1) ?? "";
    if (lockFunctions.test(called)) return "A session's advisory lock";
    if (called === "set_config" && !isReplayable(inner["args"])) return "A computed setting";
  }
  return undefined;
}

function isTemporary(relation: unknown): boolean {
  const { relpersistence, schemaname } = (relation ?? {}) as { relpersistence?: string; schemaname?: string };
  return relpersistence === "t" || schemaname === "pg_temp";
}

type Argument = { readonly A_Const?: { readonly boolval?: { readonly boolval?: boolean } } };

/** Constants alone are set again when a run resumes; a setting of the transaction ends with its statement. */
function isReplayable(args: unknown): boolean {
  const list = (args as readonly Argument[] | undefined) ?? [];
  const local = list[2]?.A_Const;
  if (local?.boolval?.boolval === true) return true;
  return list.every(({ A_Const: constant }) => constant !== undefined);
}
