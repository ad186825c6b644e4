import pg from "pg";
import type { Config } from "../config/settings.ts";
import { inTransaction } from "../database/transaction.ts";
import { AppError } from "../errors.ts";
import { agree } from "./agree.ts";
import { recordConsent } from "./foreign/consent.ts";
import { matchForeignHistory } from "./foreign/match.ts";
import { readForeignHistory, type ForeignHistory } from "./foreign/read-history.ts";
import type { AdoptableTool } from "./foreign/tools.ts";
import { compareHistory, type KnownMigration } from "./history.ts";
import { readKnownMigrations } from "./known-migrations.ts";
import { addNameSql } from "./applied-names.ts";
import { parseDirectives } from "./directives.ts";
import { ensureLedger } from "./ensure-ledger.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import { emptyLedger, readLedger } from "./ledger.ts";
import { readOwnText } from "./section-text.ts";
import { migrationsDirectory, withMigrationSession, type MigrationSession } from "./migration-session.ts";
import type { Queryable } from "./queryable.ts";
import { insertRun, writeRow } from "./run-progress.ts";
import { assertMayRecord } from "./unsettled.ts";
import { withMigrationLock, type RunOptions } from "./with-lock.ts";

export interface BaselineOptions extends RunOptions {
  /** The newest version whose effects the schema has already. */
  readonly version: bigint | undefined;
  /** Takes the history from this tool's table. */
  readonly adopt: AdoptableTool | undefined;
  readonly confirm: (plan: BaselinePlan) => Promise<boolean>;
}

export interface BaselinePlan {
  /** Names that will be recorded as applied without being run. */
  readonly names: readonly string[];
  readonly foreign: ForeignHistory | undefined;
  /** What the other tool's table will be called when it stands where ours must be. */
  readonly renamedTo: string | undefined;
  /** An empty ledger will be made, from which all migrations are still to be run. */
  readonly makesLedger: boolean;
}

export interface BaselineResult {
  readonly outcome: "recorded" | "declined" | "nothing-to-do";
  readonly plan: BaselinePlan;
}

/**
 * Records migrations as applied without running them: for a schema that was there before Headgate. With `adopt` the
 * other tool's table says which; it is kept, and renamed where it has the name of ours. Version 0, where no file has that
 * number, makes an empty ledger: consent to begin in a database that is not empty.
 *
 * @throws AppError `usage` for an unknown version, `history-conflict` for a history that cannot be taken over; as `migrateUp`
 */
export async function baseline(config: Config, options: BaselineOptions): Promise<BaselineResult> {
  const known = readKnownMigrations(config);
  const { version, adopt, signal, listener } = options;
  if (version !== undefined && version !== 0n && !known.some((file) => file.version === version)) {
    throw new AppError(
      "usage",
      `There is no migration with version ${version} in ${migrationsDirectory(config)}.`,
    );
  }
  return await withMigrationSession(
    config,
    { activity: "migrate baseline", signal, listener },
    async (database) => {
      const { files, plan } = await planBaseline(database, known, version, adopt);
      if (files.length === 0 && plan.foreign === undefined && !plan.makesLedger)
        return { outcome: "nothing-to-do", plan };
      if (!(await agree(database.session, plan, options.confirm))) return { outcome: "declined", plan };
      return await withMigrationLock(database, config, options, async ({ session, tables }) => {
        const fresh = await planBaseline(database, known, version, adopt);
        await inTransaction(session, ["BEGIN"], async () => {
          await record(session.client, tables, fresh.files, fresh.plan);
          if (plan.makesLedger) await recordConsent(session.client, tables, "migrate baseline 0");
        });
        return { outcome: "recorded", plan: { ...fresh.plan, makesLedger: plan.makesLedger } };
      });
    },
  );
}

async function planBaseline(
  { session, tables }: MigrationSession,
  known: readonly KnownMigration[],
  version: bigint | undefined,
  adopt: AdoptableTool | undefined,
): Promise<{ files: readonly KnownMigration[]; plan: BaselinePlan }> {
  const path = session.searchPath.filter((schema) => !schema.startsWith("pg_"));
  const found =
    adopt === undefined
      ? undefined
      : await readForeignHistory(session.client, adopt, [tables.schema, ...path, "public"], tables);
  const foreign = found === "ours" ? undefined : found;
  const collides = foreign !== undefined && foreign.table === tables.migrations;
  // Where the other tool's table has our name, we have no ledger yet.
  const ledger = collides ? emptyLedger : await readLedger(session.client, tables);
  const meant =
    foreign === undefined
      ? known.filter((file) => version !== undefined && file.version <= version)
      : matchForeignHistory(adopt!, foreign.entries, known, version);
  const history = compareHistory(known, ledger, { allowOutOfOrder: true });
  assertMayRecord(history);
  const { pending } = history;
  const files = meant.filter(({ name }) => pending.some((file) => file.name === name));
  return {
    files,
    plan: {
      names: files.map(({ name }) => name),
      foreign,
      makesLedger: ledger === emptyLedger && adopt === undefined && files.length === 0,
      renamedTo: collides ? `${foreign.tableName}_${adopt!.replaceAll("-", "_")}`.slice(0, 63) : undefined,
    },
  };
}

async function record(
  database: Queryable,
  tables: LedgerTables,
  files: readonly KnownMigration[],
  { renamedTo }: BaselinePlan,
): Promise<void> {
  if (renamedTo !== undefined) {
    await database.query(`ALTER TABLE ${tables.migrations} RENAME TO ${pg.escapeIdentifier(renamedTo)}`);
    await ensureLedger(database, { ...tables, columns: new Set() });
  }
  for (const file of files) {
    const [up, down] = [readOwnText(file, "up"), readOwnText(file, "down")];
    await writeRow(database, tables, (write) => `${addNameSql(tables, file.name, write)} RETURNING 1`);
    await insertRun(database, tables, {
      file,
      direction: "baseline",
      state: "applied",
      upText: up,
      downText: down,
      directives: up === undefined ? undefined : parseDirectives(up, file.kind, file.name, []),
      statementsDone: 0,
      statementsTotal: undefined,
      attempts: 0,
      waitedMs: 0,
      startedAt: new Date(),
    });
  }
}
