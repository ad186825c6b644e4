import type { ClientBase } from "pg";
import { loadParser } from "../../app/migrate/sql-parser.ts";

type Node = Readonly<Record<string, unknown>>;

interface Table {
  readonly name: string;
  readonly alias: string;
}

/** Answers, for each column of a statement's result, whether it can never be null; in doubt it can. */
export async function findNeverNull(client: ClientBase, text: string): Promise<boolean[]> {
  const { parseSync } = await loadParser();
  const [statement] = parseSync(text).stmts ?? [];
  const [kind, body] = Object.entries((statement?.stmt ?? {}) as Record<string, Node>)[0] ?? [];
  if (kind === undefined || body === undefined) return [];
  const returning = body["returningClause"] as { exprs?: Node[] } | undefined;
  const targets = kind === "SelectStmt" ? (body["targetList"] as Node[] | undefined) : returning?.exprs;
  const from = [body["relation"], ...((body["fromClause"] as Node[] | undefined) ?? [])];
  const tables: Table[] = [];
  // What comes from the far side of an outer join may be null whatever its column says.
  if (!from.every((item) => item === undefined || collectTables(item as Node, tables))) tables.length = 0;
  const reader = new NullReader(client, tables);
  const answers: boolean[] = [];
  for (const target of targets ?? [])
    answers.push(await reader.isNeverNull((target["ResTarget"] as Node)["val"] as Node));
  return answers;
}

/** False where an outer join is in it. */
function collectTables(item: Node, tables: Table[]): boolean {
  const join = item["JoinExpr"] as Node | undefined;
  if (join !== undefined) {
    if (join["jointype"] !== "JOIN_INNER") return false;
    return collectTables(join["larg"] as Node, tables) && collectTables(join["rarg"] as Node, tables);
  }
  // In FROM it is wrapped; as the target of an INSERT or UPDATE it is not.
  const table = (item["RangeVar"] ?? item) as { relname?: string; alias?: { aliasname: string } };
  if (table.relname !== undefined)
    tables.push({ name: table.relname, alias: table.alias?.aliasname ?? table.relname });
  return true;
}

class NullReader {
  readonly #client: ClientBase;
  readonly #tables: readonly Table[];

  constructor(client: ClientBase, tables: readonly Table[]) {
    this.#client = client;
    this.#tables = tables;
  }

  async isNeverNull(node: Node): Promise<boolean> {
    const [kind, body] = Object.entries(node as Record<string, Node>)[0] ?? [];
    if (body === undefined) return false;
    switch (kind) {
      case "A_Const":
        return body["isnull"] !== true;
      case "ColumnRef":
        return await this.#isNotNullColumn(body);
      case "TypeCast":
        return await this.isNeverNull(body["arg"] as Node);
      case "FuncCall":
        return (await this.#isStrict(body)) && (await this.#areNeverNull(body["args"]));
      default:
        return false;
    }
  }

  async #areNeverNull(nodes: unknown): Promise<boolean> {
    for (const node of (nodes as Node[] | undefined) ?? []) if (!(await this.isNeverNull(node))) return false;
    return true;
  }

  async #isNotNullColumn(reference: Node): Promise<boolean> {
    const words = namesIn(reference["fields"]);
    const column = words.at(-1);
    const tables = this.#tables.filter(({ alias }) => words.length === 1 || alias === words[0]);
    const { rows } = await this.#client.query<{ required: boolean }>(
      `SELECT attnotnull AS required FROM pg_attribute
        WHERE attrelid = ANY (SELECT to_regclass(quote_ident(name)) FROM unnest($1::text[]) AS t (name)) AND attname = $2 AND NOT attisdropped`,
      [tables.map(({ name }) => name), column],
    );
    return rows.length === 1 && rows[0]?.required === true;
  }

  /**
   * Whether the function gives null only for a null. PostgreSQL promises one half of that (`STRICT`: a null for a null);
   * of the functions in our statements the other half is true as well, so they are named here.
   */
  async #isStrict(call: Node): Promise<boolean> {
    const name = namesIn(call["funcname"]).at(-1);
    if (name === undefined || !neverNullByThemselves.has(name)) return false;
    const { rows } = await this.#client.query("SELECT FROM pg_proc WHERE proname = $1 AND NOT proisstrict", [
      name,
    ]);
    return rows.length === 0;
  }
}

const neverNullByThemselves: ReadonlySet<string> = new Set(["to_char", "to_json", "timezone"]);

function namesIn(nodes: unknown): string[] {
  return (nodes as { String?: { sval: string } }[]).map((node) => node.String?.sval ?? "*");
}
