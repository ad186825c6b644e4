import type { Config } from "../config/settings.ts";
import { inTransaction } from "../database/transaction.ts";
import { AppError } from "../errors.ts";
import { agree } from "./agree.ts";
import { compareHistory, type History, type KnownMigration } from "./history.ts";
import { readKnownMigrations } from "./known-migrations.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import { readLedger, versionOf } from "./ledger.ts";
import { readInvalidIndexes, type InvalidIndex } from "./invalid-index.ts";
import { readMigrationText } from "./migration-text.ts";
import { withMigrationSession } from "./migration-session.ts";
import type { Queryable } from "./queryable.ts";
import { dropInvalidIndexes, repairRecord } from "./drop-invalid-indexes.ts";
import { insertRun } from "./run-record.ts";
import { withMigrationLock, type RunOptions } from "./with-lock.ts";

export interface RepairOptions extends RunOptions {
  /** Only this migration, by version or name, or this index; everything that needs repair unless given. */
  readonly only: string | undefined;
  /** How to settle a migration outside a transaction that was interrupted and cannot be resumed. */
  readonly settleAs: "applied" | "pending" | undefined;
  readonly confirm: (plan: readonly RepairAction[]) => Promise<boolean>;
}

/** One change of the ledger, or one index to drop, and the sentence that says what it will do. */
export interface RepairAction {
  readonly kind:
    "restamp" | "rename" | "forget" | "deduplicate" | "settle-applied" | "settle-pending" | "drop-index";
  readonly name: string;
  readonly sentence: string;
  /** The migration as this image has it. */
  readonly file: KnownMigration | undefined;
}

export interface RepairResult {
  readonly outcome: "nothing-to-do" | "declined" | "repaired";
  readonly actions: readonly RepairAction[];
}

/**
 * Makes the ledger agree with the files after an intended change; nothing else in the schema is touched. Every repair is a
 * new row of the ledger; none is overwritten. Indexes that interrupted builds left invalid are dropped.
 *
 * @throws AppError `usage` when `only` names nothing that needs repair, or `settleAs` is needed; as `migrateUp`
 */
export async function repair(config: Config, options: RepairOptions): Promise<RepairResult> {
  const known = readKnownMigrations(config);
  const { signal, listener } = options;
  return await withMigrationSession(
    config,
    { activity: "migrate repair", signal, listener },
    async (database) => {
      const plan = async (): Promise<RepairAction[]> =>
        planRepair(
          compareHistory(known, await readLedger(database.session.client, database.tables), {
            allowOutOfOrder: true,
          }),
          known,
          options,
          await readInvalidIndexes(database.session),
        );
      const actions = await plan();
      if (actions.length === 0) return { outcome: "nothing-to-do", actions };
      if (!(await agree(database.session, actions, options.confirm))) return { outcome: "declined", actions };
      return await withMigrationLock(database, config, options, async ({ session, tables }) => {
        const fresh = await plan();
        await inTransaction(session, ["BEGIN"], async () => {
          for (const action of fresh)
            if (action.kind !== "drop-index") await applyRepair(session.client, tables, action);
        });
        const dropped = await dropInvalidIndexes(
          session,
          tables,
          fresh.flatMap(({ kind, name }) => (kind === "drop-index" ? [name] : [])),
        );
        const done = fresh.filter(({ kind, name }) => kind !== "drop-index" || dropped.includes(name));
        return { outcome: done.length === 0 ? "nothing-to-do" : "repaired", actions: done };
      });
    },
  );
}

/** Pure. */
export function planRepair(
  history: History,
  known: readonly KnownMigration[],
  { only, settleAs }: Pick<RepairOptions, "only" | "settleAs">,
  indexes: readonly InvalidIndex[] = [],
): RepairAction[] {
  const isMeant = (name: string, file: KnownMigration | undefined): boolean =>
    only === undefined ||
    only === name ||
    only === file?.name ||
    (/^\d+$/.test(only) && BigInt(only) === versionOf(name));
  const actions: RepairAction[] = [];
  for (const { kind, name } of history.conflicts) {
    const file = known.find(
      (candidate) => candidate.name === name || (kind === "renamed" && candidate.version === versionOf(name)),
    );
    if (!isMeant(name, file)) continue;
    if (kind === "changed")
      actions.push({
        kind: "restamp",
        name,
        file,
        sentence: `${name}: record the checksum of the file as it is now; the schema stays as it is.`,
      });
    if (kind === "renamed")
      actions.push({
        kind: "rename",
        name,
        file,
        sentence: `${name}: record it under its new name ${file?.name}.`,
      });
    if (kind === "missing")
      actions.push({
        kind: "forget",
        name,
        file,
        sentence: `${name}: forget that it was applied; what it made stays in the schema.`,
      });
    if (kind === "duplicate")
      actions.push({
        kind: "deduplicate",
        name,
        file,
        sentence: `${name}: keep the first of its rows in the table of applied migrations.`,
      });
  }
  for (const { name, direction, statementsDone, statementsTotal } of history.unfinished) {
    const file = known.find((candidate) => candidate.name === name);
    if (!isMeant(name, file) || (only === undefined && settleAs === undefined)) continue;
    if (settleAs === undefined) {
      throw new AppError(
        "usage",
        `The ${direction} of ${name} stopped after statement ${statementsDone} of ${statementsTotal ?? "?"}. Look at the schema, finish it or take it back by hand, and say how it stands: --as applied or --as pending.`,
      );
    }
    const sentence =
      settleAs === "applied"
        ? "record it as applied; nothing is run."
        : "record it as not applied; the next up runs it from its beginning.";
    actions.push({ kind: `settle-${settleAs}`, name, file, sentence: `${name}: ${sentence}` });
  }
  for (const { name, table, bytes, builtBy, isRequired } of indexes) {
    // What somebody is building is nothing to repair.
    if (builtBy !== null || isRequired || !(only === undefined || only === name)) continue;
    const sentence = `${name} on ${table} (${bytes} bytes): drop this invalid index, which no query uses.`;
    actions.push({ kind: "drop-index", name, file: undefined, sentence });
  }
  if (only !== undefined && actions.length === 0)
    throw new AppError("usage", `Nothing about ${only} needs repair.`);
  return actions;
}

async function applyRepair(
  database: Queryable,
  tables: LedgerTables,
  { kind, name, file }: RepairAction,
): Promise<void> {
  const isApplied =
    kind === "restamp" || kind === "rename" || kind === "settle-applied" || kind === "deduplicate";
  switch (kind) {
    case "rename":
      await database.query(`UPDATE ${tables.migrations} SET name = $2 WHERE name = $1`, [name, file?.name]);
      break;
    case "forget":
    case "settle-pending":
      await database.query(`DELETE FROM ${tables.migrations} WHERE name = $1`, [name]);
      break;
    case "deduplicate":
      await database.query(
        `DELETE FROM ${tables.migrations} WHERE name = $1 AND id > (SELECT min(id) FROM ${tables.migrations} WHERE name = $1)`,
        [name],
      );
      break;
    case "settle-applied":
      await database.query(
        `INSERT INTO ${tables.migrations} (name, run_on) SELECT $1::varchar, now() WHERE NOT EXISTS (SELECT FROM ${tables.migrations} WHERE name = $1::varchar)`,
        [name],
      );
      break;
    case "restamp":
    case "drop-index":
      break;
  }
  const recorded = file ?? { name, version: versionOf(name) ?? 0n, checksum: "", kind: "sql" as const };
  const down = file?.downPath === undefined ? undefined : readMigrationText(file.downPath);
  await insertRun(database, tables, {
    ...repairRecord,
    file: recorded,
    state: isApplied ? "applied" : "reverted",
    downText: down === undefined || typeof down === "string" ? undefined : down.text,
    startedAt: new Date(),
  });
}
