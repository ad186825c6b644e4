import type { HistoryConflict } from "../history.ts";
import { howToAdopt, type ForeignTool, type TableShape } from "./tools.ts";

/** What is said of a database that has no ledger of ours and is not empty. */

export function otherHistory(
  histories: readonly { readonly tool: ForeignTool; readonly table: TableShape }[],
  hasVersionZero: boolean,
): HistoryConflict {
  const [{ tool, table }] = histories as [{ tool: ForeignTool; table: TableShape }];
  const more = histories.slice(1).map((each) => `${each.tool.id}'s in ${place(each.table)}`);
  return {
    kind: "foreign-history",
    name: place(table),
    message:
      `The migrations of this database were run by ${tool.id}: its history is in ${place(table)}${more.length === 0 ? "" : ` (also ${more.join(", ")})`}, and there is no ledger of Headgate's. ` +
      `${capital(howToAdopt(tool))}.${tool.read === undefined ? "" : " Or say how far the schema is: `migrate baseline VERSION`."}` +
      ` If that history belongs to another application, and all migrations of this folder are still to be run: ${beginning(hasVersionZero)}.`,
  };
}

export function nonempty(strangers: readonly TableShape[], hasVersionZero: boolean): HistoryConflict {
  const setting = "set MIGRATE_NONEMPTY_DATABASE=allow for the first start";
  return {
    kind: "nonempty-database",
    name: place(strangers[0]!),
    message:
      `This database has tables (${listed(strangers)}) and no ledger of Headgate's. Is it the right database? ` +
      "If its schema was made by these migrations, say how far it is: `migrate baseline VERSION`. " +
      `If the tables belong to another application, and all migrations are still to be run: ${hasVersionZero ? setting : `run \`migrate baseline 0\` once, or ${setting}`}.`,
  };
}

export function clashing(
  ledgers: readonly TableShape[],
  clashes: readonly TableShape[],
  hasVersionZero: boolean,
): HistoryConflict {
  const setting = "set MIGRATE_NONEMPTY_DATABASE=allow for the first start";
  return {
    kind: "nonempty-database",
    name: place(clashes[0]!),
    message:
      `Pending migrations create tables that exist (${listed(clashes)}), and the ledger in ${ledgers.map(place).join(", ")} is not the one of these settings. ` +
      "Are MIGRATIONS_SCHEMA and MIGRATIONS_TABLE right? If the schema was made by these migrations, say how far it is: `migrate baseline VERSION`. " +
      `If all of them are still to be run: ${hasVersionZero ? setting : `run \`migrate baseline 0\` once, or ${setting}`}.`,
  };
}

export function ledgerElsewhere(ledgers: readonly TableShape[]): string {
  return `another application keeps its ledger in this database (${ledgers.map(place).join(", ")}); its tables are left alone, and a ledger of its own is made for this one`;
}

function beginning(hasVersionZero: boolean): string {
  return hasVersionZero
    ? "give the file with number 0 another number and run `migrate baseline 0` once, which makes an empty ledger"
    : "run `migrate baseline 0` once, which makes an empty ledger";
}

function listed(tables: readonly TableShape[]): string {
  const most = 5;
  const names = tables.slice(0, most).map(place).join(", ");
  return tables.length > most ? `${names} and ${tables.length - most} more` : names;
}

function place({ schema, name }: TableShape): string {
  return `${schema}.${name}`;
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
