import { bodyOf, nodesIn, wordsOf, type Node } from "./parse-tree.ts";
import type { ParsedStatement, Statement } from "./statements.ts";

/** In what kind of transaction a file wants to run. */
export interface TransactionModes {
  /** What stands behind BEGIN, with a space before it; empty where the file asks for nothing. */
  readonly modes: string;
  /** The statements that ask for it at the beginning of the file; the transaction is opened like that instead. */
  readonly leftOut: readonly Statement[];
  /** A sentence for each that would be without effect, or keep the ledger from being written. */
  readonly problems: readonly string[];
}

/** Whether a text may have something to say about its transaction. */
export function mayChooseModes(text: string): boolean {
  return /\bisolation\b|\bcharacteristics\b|default_transaction_|\bset\b[^;]{0,200}\btransaction\b/i.test(
    text,
  );
}

const instead =
  "begin the file with BEGIN ISOLATION LEVEL … (or SET TRANSACTION ISOLATION LEVEL …) and nothing before it";

/**
 * What a file asks of its transaction: the options of its own BEGIN, and SET TRANSACTION before any query. Behind one,
 * PostgreSQL refuses SET TRANSACTION by itself; what is meant for later transactions would do nothing, and say nothing.
 */
export function readTransactionModes(
  statements: readonly ParsedStatement[],
  inTransaction: boolean,
): TransactionModes {
  const wanted = new Map<string, string>();
  const leftOut: Statement[] = [];
  const problems: string[] = [];
  let isFirst = true;
  const doesMore = statements.some(({ node }) => node !== "VariableSetStmt" && node !== "TransactionStmt");
  for (const statement of statements) {
    const { node, tree, line } = statement;
    const body = bodyOf(tree);
    const report = (why: string): void => void problems.push(`${line}: ${why}`);
    if (node === "TransactionStmt" && inTransaction) {
      take(modesOf(body["options"]), report);
      continue;
    }
    const asks = node === "VariableSetStmt" && body["kind"] === "VAR_SET_MULTI" ? String(body["name"]) : "";
    if (asks === "TRANSACTION") {
      const modes = modesOf(body["args"]);
      if (!inTransaction)
        report(
          "SET TRANSACTION holds for one statement here, each of which has a transaction of its own; take it out.",
        );
      // READ ONLY alone makes the record of the migration fail, and that says why.
      else if (isFirst && modes.some(([name, value]) => name !== readOnly || value === "")) {
        take(modes, report);
        leftOut.push(statement);
      }
    } else if (asks === "TRANSACTION SNAPSHOT")
      report("SET TRANSACTION SNAPSHOT needs a snapshot that another session holds; take it out.");
    else if (
      inTransaction &&
      doesMore &&
      (asks === "SESSION CHARACTERISTICS" || setsDefault(statement, body))
    )
      report(`this is for later transactions, and has no effect on this one; ${instead}.`);
    if (node !== "VariableSetStmt") isFirst = false;
  }
  const modes = [...wanted.values()].filter((mode) => mode !== "");
  return { modes: modes.length === 0 ? "" : ` ${modes.join(", ")}`, leftOut, problems };

  function take(asked: readonly Mode[], report: (why: string) => void): void {
    for (const [name, value] of asked) {
      if (name === readOnly && value !== "")
        report("a migration is recorded in its transaction, which cannot be READ ONLY; take that out.");
      else wanted.set(name, value);
    }
  }
}

type Mode = readonly [name: string, sql: string];
const readOnly = "transaction_read_only";

/** SQL by the name of the mode; empty for READ WRITE, which every migration is. */
function modesOf(list: unknown): Mode[] {
  const elements = (list as { DefElem?: Node }[] | undefined) ?? [];
  return elements.map(({ DefElem: element = {} }): Mode => {
    const name = String(element["defname"]);
    const constant = (element["arg"] as { A_Const?: Node } | undefined)?.A_Const ?? {};
    const level = (constant["sval"] as { sval?: string } | undefined)?.sval;
    if (level !== undefined) return [name, `ISOLATION LEVEL ${level.toUpperCase()}`];
    const isOn = (constant["ival"] as { ival?: number } | undefined)?.ival === 1;
    if (name === readOnly) return [name, isOn ? "READ ONLY" : ""];
    return [name, isOn ? "DEFERRABLE" : "NOT DEFERRABLE"];
  });
}

const settings: ReadonlySet<string> = new Set([
  "default_transaction_isolation",
  "default_transaction_deferrable",
]);

/** The same by the settings behind it: SET default_transaction_isolation, SELECT set_config('default_transaction_isolation', …). */
function setsDefault({ node, tree }: ParsedStatement, body: Node): boolean {
  if (node === "VariableSetStmt")
    return /^VAR_SET_(?:VALUE|CURRENT)$/.test(String(body["kind"])) && settings.has(String(body["name"]));
  if (node !== "SelectStmt") return false;
  for (const [name, call] of nodesIn(tree)) {
    if (name !== "FuncCall" || wordsOf(call["funcname"]).at(-1) !== "set_config") continue;
    const [first] = (call["args"] as { A_Const?: Node }[] | undefined) ?? [];
    if (settings.has((first?.A_Const?.["sval"] as { sval?: string } | undefined)?.sval ?? "")) return true;
  }
  return false;
}

/** Whether the file stands between one BEGIN and the COMMIT that ends it, and nothing of either is for another transaction. */
export function isWrapped(statements: readonly ParsedStatement[]): boolean {
  const [first, last] = [statements[0], statements.at(-1)].map(
    (statement) => statement && statement.node === "TransactionStmt" && bodyOf(statement.tree),
  );
  return (
    Boolean(first && last) &&
    ["TRANS_STMT_BEGIN", "TRANS_STMT_START"].includes(String((first as Node)["kind"])) &&
    (last as Node)["kind"] === "TRANS_STMT_COMMIT" &&
    (last as Node)["chain"] !== true
  );
}
