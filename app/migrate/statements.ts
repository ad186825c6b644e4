import { callsOnlyBuiltIn } from "./built-in-calls.ts";
import { outsideOf, type Recovery } from "./outside-statements.ts";
import {
  alterCommands,
  bodyOf,
  nameParts,
  optionsOf,
  wordsOf,
  type Node,
  type TreeNode,
} from "./parse-tree.ts";
import { createLineCounter, endOfLine } from "./line-ends.ts";
import { loadParser } from "./sql-parser.ts";

/** One statement of a migration, found by PostgreSQL's own parser. */
export interface Statement {
  readonly text: string;
  /** Where `text` begins in the file, in UTF-16 units as JavaScript counts. */
  readonly offset: number;
  /** The line of its first word, from 1. */
  readonly line: number;
  /** The parser's name for it, such as `IndexStmt`. */
  readonly node: string;
  /** Whether PostgreSQL refuses it inside a transaction block (as far as the text tells). */
  readonly outsideTransaction: boolean;
  /** PostgreSQL may refuse it there, and alone knows: by the kind of a table, for example. */
  readonly mayBeRefusedInside: boolean;
  /** How it is taken up again where an interruption cut it off; of those that run outside a transaction. */
  readonly recovery: Recovery | undefined;
  /** What a `CREATE INDEX`, `REINDEX` or `DROP INDEX … CONCURRENTLY` is about. */
  readonly concurrently: ConcurrentIndex | undefined;
  /** BEGIN, COMMIT, ROLLBACK and their like; savepoints are not meant. */
  readonly endsTransaction: boolean;
  readonly copiesFromClient: boolean;
  /** Changes a setting of the session, and must be repeated when a run is resumed behind it. */
  readonly setsSession: boolean;
  /** RESET ALL or DISCARD ALL: what was set before is gone. */
  readonly forgetsSession: boolean;
  /** May leave something else in the session: it can call functions, or makes temporary objects. */
  readonly mayTouchSession: boolean;
  /** Of those: may run functions of one's own. */
  readonly runsOwnCode: boolean;
  /** Of those: only by way of triggers. */
  readonly runsDataTriggersOnly: boolean;
  /** Must not be cut off by lock_timeout: VALIDATE CONSTRAINT scans, and is meant to take its time. */
  readonly validates: boolean;
}

export interface ConcurrentIndex {
  readonly action: "create" | "reindex" | "drop";
  readonly schema: string | undefined;
  /** The index; undefined where PostgreSQL makes the name, or when a whole table is reindexed. */
  readonly index: string | undefined;
  readonly table: string | undefined;
  readonly ifNotExists: boolean;
  /** REINDEX of all that is in the schema, or in the database. */
  readonly scope?: "schema" | "database" | undefined;
}

/** The parser refused the text. `offset` is where, in UTF-16 units. */
export interface ParseFailure {
  readonly message: string;
  readonly offset: number;
}

/** Above this, in characters, the tree would take more memory than a small container has; the server parses it alone. */
export const largestParsed: number = 512 * 1024;

/** A statement together with the parser's tree of it, which takes many times the memory of its text. */
export interface ParsedStatement extends Statement {
  /** Under the name of its kind, which is `node`. Its `location`s count bytes of the whole text. */
  readonly tree: TreeNode;
}

/** The statements of a text, or where and why PostgreSQL's parser refuses it. */
export async function splitStatements(text: string): Promise<readonly Statement[] | ParseFailure> {
  return await readStatements(text, (statement) => statement);
}

/** The same with the trees, for those who judge statements. */
export async function parseStatements(text: string): Promise<readonly ParsedStatement[] | ParseFailure> {
  return await readStatements(text, (statement, tree) => ({ ...statement, tree }));
}

async function readStatements<T>(
  text: string,
  make: (statement: Statement, tree: TreeNode) => T,
): Promise<readonly T[] | ParseFailure> {
  if (text.trim() === "") return [];
  const { parseSync } = await loadParser();
  const bytes = Buffer.from(text, "utf8");
  const ascii = bytes.length === text.length;
  try {
    const { stmts = [] } = parseSync(text);
    const lines = createLineCounter(text);
    let [lastByte, lastOffset] = [0, 0];
    return stmts.map((raw) => {
      const start = raw.stmt_location ?? 0;
      const end = raw.stmt_len ? start + raw.stmt_len : bytes.length;
      const offset = ascii ? start : lastOffset + bytes.toString("utf8", lastByte, start).length;
      [lastByte, lastOffset] = [start, offset];
      const statementText = ascii ? text.slice(start, end) : bytes.toString("utf8", start, end);
      const tree = raw.stmt ?? ({} as TreeNode);
      const line = lines(offset + skipComments(statementText));
      return make(describe(tree, statementText, offset, line), tree);
    });
  } catch (error) {
    const details = (error as { sqlDetails?: { cursorPosition?: number } }).sqlDetails;
    if (details !== undefined)
      return {
        message: (error as Error).message,
        offset: characterOffset(text, details.cursorPosition ?? 0),
      };
    // The tree of an expression with ten thousands of operators is deeper than our stack; what else happens is a bug.
    if (!(error instanceof RangeError)) throw error;
    return { message: tooDeep, offset: 0 };
  }
}

/** What the parser says of a text that the server may well take: its tree is too deep for us. */
export const tooDeep = "a statement is nested too deeply to be parsed here; simplify it";

export function isParseFailure(result: readonly Statement[] | ParseFailure): result is ParseFailure {
  return !Array.isArray(result);
}

/** The parser counts code points; JavaScript counts UTF-16 units. */
function characterOffset(text: string, codePoints: number): number {
  let offset = 0;
  for (let seen = 0; seen < codePoints && offset < text.length; seen++)
    offset += text.codePointAt(offset)! > 0xffff ? 2 : 1;
  return offset;
}

function describe(tree: TreeNode, text: string, offset: number, line: number): Statement {
  const [node = "", body] = [Object.keys(tree)[0], bodyOf(tree)];
  const concurrently = concurrentIndex(node, body);
  const outside = outsideOf(node, body);
  return {
    text,
    offset,
    line,
    node,
    concurrently,
    outsideTransaction: outside?.ifServerRefuses === false,
    mayBeRefusedInside: outside?.ifServerRefuses === true,
    recovery: outside?.recovery,
    endsTransaction:
      node === "TransactionStmt" && outside === undefined && !savepoints.has(String(body["kind"])),
    copiesFromClient:
      node === "CopyStmt" &&
      body["is_from"] === true &&
      body["filename"] === undefined &&
      body["is_program"] !== true,
    setsSession: setsSession(node, body),
    forgetsSession:
      (node === "VariableSetStmt" && body["kind"] === "VAR_RESET_ALL") ||
      (node === "DiscardStmt" && body["target"] === "DISCARD_ALL"),
    mayTouchSession: !quiet.has(node) || !callsOnlyBuiltIn(tree) || makesTemporary(body),
    runsOwnCode: changesData.has(node) || runsCode.has(node) || !callsOnlyBuiltIn(tree),
    runsDataTriggersOnly: changesData.has(node) && callsOnlyBuiltIn(tree),
    validates:
      node === "AlterTableStmt" &&
      alterCommands(body).some(({ subtype }) => subtype === "AT_ValidateConstraint"),
  };
}

/** The place, from `start` on, of the first word behind white space and comments, which may be nested. */
export function skipComments(text: string, start = 0): number {
  let at = start;
  for (;;) {
    if (text.startsWith("--", at)) {
      at = endOfLine(text, at);
    } else if (text.startsWith("/*", at)) {
      const end = endOfComment(text, at);
      if (end === undefined) return at;
      at = end;
    } else if (at < text.length && /\s/.test(text[at]!)) at += 1;
    else return at;
  }
}

/** Nothing but white space, comments and semicolons. */
export function isBlank(text: string, start = 0): boolean {
  let at = skipComments(text, start);
  while (text[at] === ";") at = skipComments(text, at + 1);
  return at >= text.length;
}

/** Behind the comment that begins at `start`; undefined when nothing ends it. */
export function endOfComment(text: string, start: number): number | undefined {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  let depth = 0;
  for (let match = edge.exec(text); match !== null; match = edge.exec(text)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return undefined;
}

const savepoints: ReadonlySet<string> = new Set([
  "TRANS_STMT_SAVEPOINT",
  "TRANS_STMT_RELEASE",
  "TRANS_STMT_ROLLBACK_TO",
]);

/** What a resume repeats: SET, PREPARE, LOAD, and set_config with constants, as pg_dump begins. */
function setsSession(node: string, body: Node): boolean {
  if (node === "VariableSetStmt") return body["is_local"] !== true;
  if (node === "PrepareStmt" || node === "DeallocateStmt" || node === "LoadStmt" || node === "DiscardStmt")
    return true;
  if (node !== "SelectStmt" || body["fromClause"] !== undefined || body["whereClause"] !== undefined)
    return false;
  const targets = (body["targetList"] ?? []) as { ResTarget?: { val?: { FuncCall?: Node } } }[];
  return (
    targets.length > 0 &&
    targets.every(({ ResTarget: target }) => {
      const call = target?.val?.FuncCall;
      const args = (call?.["args"] ?? []) as { A_Const?: { boolval?: { boolval?: boolean } } }[];
      return (
        wordsOf(call?.["funcname"]).at(-1) === "set_config" &&
        args.length === 3 &&
        args.every(({ A_Const: constant }) => constant !== undefined) &&
        args[2]?.A_Const?.boolval !== undefined &&
        args[2].A_Const.boolval.boolval !== true
      );
    })
  );
}

/** Definitions call no function but one that stands in them. */
const quiet: ReadonlySet<string> = new Set(
  "CreateStmt AlterTableStmt IndexStmt DropStmt CommentStmt GrantStmt GrantRoleStmt RenameStmt AlterOwnerStmt AlterObjectSchemaStmt CreateEnumStmt AlterEnumStmt CreateDomainStmt CreateFunctionStmt AlterFunctionStmt CreateSchemaStmt CreateTrigStmt CreateSeqStmt AlterSeqStmt CreateRoleStmt AlterRoleStmt ViewStmt CompositeTypeStmt CreatePolicyStmt VacuumStmt ReindexStmt ClusterStmt CreatedbStmt DropdbStmt AlterSystemStmt TruncateStmt".split(
    " ",
  ),
);
const changesData: ReadonlySet<string> = new Set([
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "CopyStmt",
]);

const runsCode: ReadonlySet<string> = new Set(["DoStmt", "CallStmt", "ExecuteStmt"]);

function makesTemporary(body: Node): boolean {
  const { relation, view, sequence } = body as Record<string, { relpersistence?: string } | undefined>;
  return [relation, view, sequence].some((made) => made?.relpersistence === "t");
}

function concurrentIndex(node: string, body: Node): ConcurrentIndex | undefined {
  const relation = body["relation"] as { schemaname?: string; relname?: string } | undefined;
  switch (node) {
    case "IndexStmt":
      if (body["concurrent"] !== true) return undefined;
      return {
        action: "create",
        schema: relation?.schemaname,
        index: body["idxname"] as string | undefined,
        table: relation?.relname,
        ifNotExists: body["if_not_exists"] === true,
      };
    case "DropStmt": {
      if (body["concurrent"] !== true) return undefined;
      const names = nameParts((body["objects"] as Node[] | undefined)?.[0]);
      return {
        action: "drop",
        schema: names.at(-2),
        index: names.at(-1),
        table: undefined,
        ifNotExists: body["missing_ok"] === true,
      };
    }
    case "ReindexStmt": {
      if (!optionsOf(body["params"]).has("concurrently")) return undefined;
      const isIndex = body["kind"] === "REINDEX_OBJECT_INDEX";
      return {
        action: "reindex",
        schema:
          relation?.schemaname ??
          (body["kind"] === "REINDEX_OBJECT_SCHEMA" ? (body["name"] as string) : undefined),
        index: isIndex ? relation?.relname : undefined,
        table: isIndex ? undefined : relation?.relname,
        ifNotExists: false,
        ...(relation === undefined
          ? { scope: body["kind"] === "REINDEX_OBJECT_SCHEMA" ? ("schema" as const) : ("database" as const) }
          : {}),
      };
    }
    default:
      return undefined;
  }
}
