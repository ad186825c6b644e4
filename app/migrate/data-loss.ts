import type { Session } from "../database/session.ts";
import { alterCommands, bodyOf, nameParts, relationIn } from "./parse-tree.ts";
import type { PreparedMigration } from "./prepare.ts";
import { isParseFailure, largestParsed, parseStatements, tooDeep } from "./statements.ts";
import { readTableEstimates, written, type TableName as Name } from "./table-estimates.ts";

/** Data that a down will take away, as far as its text tells. */
export interface DataLoss {
  readonly migration: string;
  /** `unseen`: code, or a block whose effect shows only when it runs; no table is named. */
  readonly action: "drop-table" | "truncate" | "drop-column" | "delete" | "unseen";
  /** Qualified where the text or the database says by which schema. */
  readonly table: string | null;
  readonly column: string | null;
  /** How many rows the table holds, estimated as PostgreSQL's planner does; null where that is unknown. */
  readonly rows: number | null;
}

/** What the downs take away, in the order in which they run. Reads estimates only, never the data. */
export async function readDataLoss(
  session: Session,
  migrations: readonly PreparedMigration[],
): Promise<DataLoss[]> {
  const names = new NameHistory();
  const found: NamedLoss[] = [];
  for (const migration of migrations) found.push(...(await findLosses(migration, names)));
  const wanted = found.flatMap((loss) => loss.name ?? []);
  const relations = wanted.length === 0 ? [] : await readTableEstimates(session, wanted);
  return found.flatMap((loss): DataLoss | DataLoss[] => {
    const { name, migration, action, column } = loss;
    if (name === undefined) return { migration, action, table: null, column, rows: null };
    const present = relations.filter((relation) => relation.wanted === wanted.indexOf(name));
    if (present.length === 0)
      return loss.ifExists ? [] : { migration, action, table: written(name), column, rows: null };
    return present.map(({ table, rows }) => ({ migration, action, table, column, rows }));
  });
}

interface NamedLoss extends Pick<DataLoss, "migration" | "action" | "column"> {
  readonly name: Name | undefined;
  /** Nothing is lost where it is not there. */
  readonly ifExists: boolean;
}

async function findLosses(migration: PreparedMigration, names: NameHistory): Promise<NamedLoss[]> {
  const { file, text } = migration;
  const of = (
    action: DataLoss["action"],
    name?: Name,
    column: string | null = null,
    ifExists = false,
  ): NamedLoss => ({ migration: file.name, action, column, name, ifExists });
  if (file.kind === "code" || text.length > largestParsed) return [of("unseen")];
  const statements = await parseStatements(text);
  // Any other text that is refused will fail, and say why, when its turn comes.
  if (isParseFailure(statements)) return statements.message === tooDeep ? [of("unseen")] : [];
  const losses: NamedLoss[] = [];
  const add = (action: DataLoss["action"], name: Name, column: string | null, ifExists: boolean): void => {
    const now = names.nameNow(name);
    if (now !== undefined) losses.push(of(action, now, column, ifExists));
  };
  for (const { node, tree } of statements) {
    const body = bodyOf(tree);
    const ifExists = body["missing_ok"] === true;
    switch (node) {
      case "DropStmt":
        for (const object of body["objects"] as unknown[]) {
          const [table, schema] = nameParts(object).toReversed();
          if (body["removeType"] === "OBJECT_TABLE") add("drop-table", { schema, table }, null, ifExists);
          if (body["removeType"] === "OBJECT_SCHEMA")
            add("drop-table", { schema: table, table: undefined }, null, true);
        }
        break;
      case "TruncateStmt":
        for (const relation of body["relations"] as { RangeVar: unknown }[])
          add("truncate", nameOf(relation.RangeVar), null, false);
        break;
      case "DeleteStmt":
        add("delete", nameOf(body["relation"]), null, false);
        break;
      case "AlterTableStmt":
        for (const command of alterCommands(body)) {
          if (command["subtype"] !== "AT_DropColumn") continue;
          add("drop-column", nameOf(body["relation"]), String(command["name"]), ifExists);
        }
        break;
      case "RenameStmt":
        if (body["renameType"] === "OBJECT_TABLE")
          names.rename(nameOf(body["relation"]), String(body["newname"]));
        break;
      case "CreateStmt":
        names.made(nameOf(body["relation"]));
        break;
      case "CreateTableAsStmt":
        names.made(nameOf((body["into"] as { rel: unknown }).rel));
        break;
      case "DoStmt":
      case "CallStmt":
        losses.push(of("unseen"));
        break;
      default:
    }
  }
  return losses;
}

/** What the downs themselves made or renamed before: names that the database does not know yet. */
class NameHistory {
  readonly #now = new Map<string, Name | undefined>();

  made(name: Name): void {
    this.#now.set(written(name), undefined);
  }

  rename(name: Name, table: string): void {
    this.#now.set(written({ ...name, table }), this.nameNow(name));
  }

  /** Undefined for what is not there now. */
  nameNow(name: Name): Name | undefined {
    return this.#now.has(written(name)) ? this.#now.get(written(name)) : name;
  }
}

function nameOf(rangeVar: unknown): Name {
  const { schema, name } = relationIn(rangeVar);
  return { schema, table: name };
}
