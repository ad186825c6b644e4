import type { Ground, GroundConfig } from "./foreign/ground.ts";
import { compareHistory, type CompareOptions, type History, type KnownMigration } from "./history.ts";
import { emptyLedger, type LedgerState } from "./ledger.ts";
import type { MigrationSession } from "./migration-session.ts";

/**
 * Compares the files with the ledger and, where there is none, with what else is in the database: that is a conflict
 * when the migrations may have been run by another tool, or when the tables of others may be in the way.
 */
export async function compareOnGround(
  database: MigrationSession,
  config: GroundConfig,
  known: readonly KnownMigration[],
  ledger: LedgerState,
  options: CompareOptions = {},
): Promise<{ readonly history: History; readonly ground: Ground | undefined }> {
  const history = compareHistory(known, ledger, options);
  if (ledger !== emptyLedger) return { history, ground: undefined };
  // Loaded here: a start that finds a ledger must not pay for it.
  const { readGround } = await import("./foreign/ground.ts");
  const ground = await readGround(database, config, known);
  const { conflict } = ground;
  return {
    history: conflict === undefined ? history : { ...history, conflicts: [...history.conflicts, conflict] },
    ground,
  };
}
