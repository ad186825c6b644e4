import { addNameSql, assertRecorded, removeNameSql } from "./applied-names.ts";
import { repairRecord } from "./drop-invalid-indexes.ts";
import { parseDirectives } from "./directives.ts";
import type { KnownMigration } from "./history.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import { versionOf } from "./ledger.ts";
import type { Queryable } from "./queryable.ts";
import type { RepairAction } from "./repair-plan.ts";
import { insertRun, parametrised, writeRow } from "./run-progress.ts";
import type { RunRecord } from "./run-record.ts";
import { readKeptTexts, type KeptTexts } from "./run-texts.ts";
import { readOwnText } from "./section-text.ts";

/** Carries out one repair of the ledger, in the transaction that the caller has open. */
export async function applyRepair(
  database: Queryable,
  tables: LedgerTables,
  { kind, name, file }: RepairAction,
): Promise<void> {
  const kept = await readKeptTexts(database, tables, name);
  const state = async (of: string, isApplied: boolean, known: KnownMigration | undefined): Promise<void> => {
    await insertRun(database, tables, recordOf(of, isApplied, known, kept));
  };
  switch (kind) {
    case "restamp":
      return await state(name, true, file);
    case "move":
    case "replace":
      // Both records: the old name is not applied any more, and the new one is.
      await removeName(database, tables, name);
      await state(name, false, undefined);
      await addName(database, tables, file!.name);
      return await state(file!.name, true, file);
    case "deduplicate":
      await database.query(
        `DELETE FROM ${tables.migrations} WHERE name::text = $1::text AND id > (SELECT pg_catalog.min(id) FROM ${tables.migrations} WHERE name::text = $1::text)`,
        [name],
      );
      return await state(name, true, undefined);
    case "settle-applied":
      await database.query(...parametrised((write) => addNameSql(tables, name, write)));
      await state(name, true, file);
      await writeRow(database, tables, (write) => assertRecorded(tables, name, "up", write));
      return;
    case "forget":
    case "settle-pending":
      await database.query(...parametrised((write) => removeNameSql(tables, name, write)));
      await state(name, false, file);
      await writeRow(database, tables, (write) => assertRecorded(tables, name, "down", write));
      return;
    case "drop-index":
  }
}

async function addName(database: Queryable, tables: LedgerTables, name: string): Promise<void> {
  await writeRow(database, tables, (write) => `${addNameSql(tables, name, write)} RETURNING 1`);
}

async function removeName(database: Queryable, tables: LedgerTables, name: string): Promise<void> {
  await writeRow(database, tables, (write) => `${removeNameSql(tables, name, write)} RETURNING 1`);
}

/** The record of a repair: what the file says, and where there is none, what was recorded before. */
function recordOf(
  name: string,
  isApplied: boolean,
  file: KnownMigration | undefined,
  kept: KeptTexts | undefined,
): RunRecord {
  const up = file && readOwnText(file, "up");
  const down = file && readOwnText(file, "down");
  return {
    ...repairRecord,
    file: {
      name,
      version: versionOf(name) ?? 0n,
      checksum: file?.checksum ?? kept?.checksum ?? "",
      kind: file?.kind ?? kept?.kind ?? "sql",
    },
    state: isApplied ? "applied" : "reverted",
    upText: isApplied ? (up ?? kept?.upText ?? undefined) : undefined,
    downText: isApplied ? (down ?? kept?.downText ?? undefined) : undefined,
    directives:
      up === undefined || file === undefined
        ? kept?.directives
        : parseDirectives(up, file.kind, file.name, []),
    startedAt: new Date(),
  };
}
