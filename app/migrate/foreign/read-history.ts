import { AppError } from "../../errors.ts";
import type { LedgerTables } from "../ledger-tables.ts";
import type { Queryable } from "../queryable.ts";
import { isNamesTable, isRunsTable, qualified } from "./other-ledgers.ts";
import type { ForeignState, Row } from "./entry.ts";
import { readTableShapes } from "./tables.ts";
import { foreignTools, isTableOf, type AdoptableTool, type ForeignTool, type TableShape } from "./tools.ts";

/** What another tool's table says is applied. */
export interface ForeignHistory extends ForeignState {
  /** Quoted and qualified. */
  readonly table: string;
  /** The table's own name. */
  readonly tableName: string;
}

/**
 * Finds and reads the history that a tool left.
 *
 * @param schemas where it is looked for first, in this order
 * @returns `ours`: the one that there is stands where our ledger is and has its form, so its names count as they are
 * @throws AppError `history-conflict` when there is none, or several, or it is not in a state to be taken over
 */
export async function readForeignHistory(
  database: Queryable,
  id: AdoptableTool,
  schemas: readonly string[],
  own: Pick<LedgerTables, "schema" | "migrationsName">,
): Promise<ForeignHistory | "ours"> {
  const tool: ForeignTool = foreignTools.find((each) => each.id === id)!;
  const all = await readTableShapes(database);
  const found = choose(tool, all, schemas, own);
  if (found === "ours") return found;
  const { schema, name } = found;
  const rowsOf = async (table: string): Promise<readonly Row[]> => {
    const { rows } = await database.query(`SELECT * FROM ${qualified({ schema, name: table })}`);
    return rows as Row[];
  };
  const beside = async (table: string): Promise<readonly Row[] | undefined> =>
    all.some((each) => each.schema === schema && each.name === table) ? await rowsOf(table) : undefined;
  const state = await tool.read!(await rowsOf(name), beside);
  return { ...state, table: qualified({ schema, name }), tableName: name };
}

/** The table in the first schema that has one; in schemas that nobody named there must be one alone. */
function choose(
  tool: ForeignTool,
  all: readonly TableShape[],
  schemas: readonly string[],
  own: Pick<LedgerTables, "schema" | "migrationsName">,
): TableShape | "ours" {
  const runs = all.filter((table) => isRunsTable(table));
  const isOurs = ({ schema, name, columns }: TableShape): boolean =>
    schema === own.schema && name === own.migrationsName && columns.includes("run_on");
  const alike = all.filter((table) => isTableOf(tool, table, all));
  const found = alike.filter((table) => !isOurs(table) && !isNamesTable(table, runs));
  if (found.length === 0 && alike.some(isOurs)) return "ours";
  const preferred = [...schemas, ...(tool.schema === undefined ? [] : [tool.schema])];
  for (const schema of preferred) {
    const here = found.filter((table) => table.schema === schema);
    if (here.length === 1) return here[0]!;
    if (here.length > 1) throw several(tool, here);
  }
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw several(tool, found);
  throw new AppError(
    "history-conflict",
    `There is no history of ${tool.id} here: no table${tool.tables === undefined ? "" : ` ${tool.tables.join(" or ")}`} with the columns ${tool.columns.join(", ")}.`,
  );
}

function several({ id }: ForeignTool, tables: readonly TableShape[]): AppError {
  return new AppError(
    "history-conflict",
    `There are several histories of ${id} here: ${tables.map(({ schema, name }) => `${schema}.${name}`).join(", ")}. ` +
      "Say how far the schema is instead: migrate baseline VERSION.",
  );
}
