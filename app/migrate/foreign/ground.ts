import type { Config } from "../../config/settings.ts";
import type { HistoryConflict, KnownMigration } from "../history.ts";
import type { LedgerTables } from "../ledger-tables.ts";
import type { MigrationSession } from "../migration-session.ts";
import { readCreatedTables } from "./created-tables.ts";
import { clashing, ledgerElsewhere, nonempty, otherHistory } from "./ground-messages.ts";
import { isNamesTable, isRunsTable, qualified } from "./other-ledgers.ts";
import { readTableShapes } from "./tables.ts";
import { foreignTools, isTableOf, toolOf, type ForeignTool, type TableShape } from "./tools.ts";

/** What is in a database that has no ledger of ours. */
export interface Ground {
  /** Why nothing may run on it until a person has said how it is. */
  readonly conflict: HistoryConflict | undefined;
  readonly warnings: readonly string[];
  /** What a setting has consented to; goes into the ledger. */
  readonly consent: string | undefined;
}

export type GroundConfig = Pick<Config, "nonemptyDatabase">;

const clean: Ground = { conflict: undefined, warnings: [], consent: undefined };

/**
 * Looks at a database without a ledger of ours: running everything from the first file on is right only where no
 * migrations were run before, by whatever tool, and where the tables of others are not in the way. Only reads.
 */
export async function readGround(
  { session, tables }: MigrationSession,
  config: GroundConfig,
  known: readonly KnownMigration[],
): Promise<Ground> {
  const all = (await readTableShapes(session.client)).filter((table) => !isOurs(table, tables));
  if (all.length === 0) return clean;
  const created = await readCreatedTables(known);
  const path = session.searchPath.filter((schema) => !schema.startsWith("pg_"));
  const schemas = new Set([...path, ...created.flatMap(({ schema }) => schema ?? [])]);
  const histories = findHistories(all, new Set([...schemas, tables.schema]));
  const hasVersionZero = known.some(({ version }) => version === 0n);
  if (histories.length > 0) return { ...clean, conflict: otherHistory(histories, hasVersionZero) };
  const ledgers = all.filter((table) => isRunsTable(table));
  const strangers = all.filter(
    (table) => schemas.has(table.schema) && !isRunsTable(table) && !isNamesTable(table, ledgers),
  );
  if (strangers.length === 0) return clean;
  const clashes = strangers.filter(({ schema, name }) =>
    created.some((table) => table.name === name && (table.schema ?? path[0]) === schema),
  );
  const isAllowed = config.nonemptyDatabase === "allow";
  if (ledgers.length > 0 && clashes.length === 0) return { ...clean, warnings: [ledgerElsewhere(ledgers)] };
  if (isAllowed) return { ...clean, consent: nonempty(strangers, hasVersionZero).message };
  return {
    ...clean,
    conflict:
      ledgers.length > 0 ? clashing(ledgers, clashes, hasVersionZero) : nonempty(strangers, hasVersionZero),
  };
}

/** Half of a ledger of ours, or a table of node-pg-migrate that becomes one. */
function isOurs(table: TableShape, { migrations, runs, legacyRuns }: LedgerTables): boolean {
  return [migrations, runs, legacyRuns].includes(qualified(table));
}

/** The histories of other tools where our migrations create tables, where our ledger will be, and where a tool always keeps its own. */
function findHistories(
  all: readonly TableShape[],
  schemas: ReadonlySet<string>,
): { readonly tool: ForeignTool; readonly table: TableShape }[] {
  const ledgers = all.filter((table) => isRunsTable(table));
  return all.flatMap((table) => {
    if (isNamesTable(table, ledgers)) return [];
    const tool = schemas.has(table.schema)
      ? toolOf(table, all)
      : (foreignTools as readonly ForeignTool[]).find(
          (each) => each.schema === table.schema && isTableOf(each, table, all),
        );
    return tool === undefined ? [] : [{ tool, table }];
  });
}
