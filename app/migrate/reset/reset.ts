import type { Config } from "../../config/settings.ts";
import { AppError } from "../../errors.ts";
import { agree } from "../agree.ts";
import { readKnownMigrations } from "../known-migrations.ts";
import { ensureLedger } from "../ensure-ledger.ts";
import { emptyLedger } from "../ledger.ts";
import { withMigrationSession, type MigrationSession } from "../migration-session.ts";
import { insertRun } from "../run-progress.ts";
import { runSteps, type RunResult } from "../run-steps.ts";
import { planUp, type UpPlan } from "../up.ts";
import { withMigrationLock, type RunOptions } from "../with-lock.ts";
import { readContents } from "./contents.ts";
import { dropContents, refuseForeign } from "./drop-contents.ts";

export interface ResetOptions extends RunOptions {
  /** Asked once before anything is changed. */
  readonly confirm: (plan: ResetPlan) => Promise<boolean>;
}

/** What would be lost, and what would be there instead. */
export interface ResetPlan {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly tables: number;
  /** As far as the server's statistics know. */
  readonly estimatedRows: number;
  /** Everything that will be dropped, as PostgreSQL names it. */
  readonly contents: readonly string[];
  readonly up: UpPlan;
}

export interface ResetResult extends RunResult {
  readonly outcome: "declined" | "reset" | "failed";
  readonly plan: ResetPlan;
}

/**
 * Drops everything that migrations may have made, and applies them all anew, under one lock. The files are read and
 * checked before anything is dropped; what is dropped goes in one transaction, with the ledger and in it, in a new one,
 * the record of who did this: a run that is killed leaves the old state, or an empty database that `up` fills.
 *
 * @throws AppError `usage` in production; as `dropContents` and `migrateUp`. A migration that fails is returned.
 */
export async function migrateReset(config: Config, options: ResetOptions): Promise<ResetResult> {
  if (config.environment === "production") {
    throw new AppError(
      "usage",
      "migrate reset drops all data, and APP_ENV is production; nothing was touched.",
    );
  }
  const known = readKnownMigrations(config);
  const { signal, listener } = options;
  return await withMigrationSession(
    config,
    { activity: "migrate reset", signal, listener },
    async (database) => {
      const up = await planUp(config, database, known, emptyLedger, { afterDrop: true });
      const plan = await planReset(database, up);
      if (!(await agree(database.session, plan, options.confirm)))
        return { outcome: "declined", plan, done: [], failed: undefined, notTried: [] };
      return await withMigrationLock(database, config, options, async (context) => {
        const { session, tables, waitedMs } = context;
        const startedAt = new Date();
        await dropContents(session, { ...context, keptSchema: tables.schema }, async () => {
          await ensureLedger(session.client, tables);
          await insertRun(session.client, tables, { ...resetRecord, waitedMs, startedAt });
        });
        const result = await runSteps(context, up.steps);
        return { outcome: result.failed === undefined ? "reset" : "failed", plan, ...result };
      });
    },
  );
}

/** It has no migration's name, and its state is not `applied`: whoever asks what is applied does not see it. */
const resetRecord = {
  file: { version: 0n, name: "reset", checksum: "", kind: "sql" as const },
  direction: "reset" as const,
  state: "reverted" as const,
  upText: undefined,
  downText: undefined,
  directives: undefined,
  statementsDone: 0,
  statementsTotal: undefined,
  attempts: 1,
};

async function planReset({ session, tables }: MigrationSession, up: UpPlan): Promise<ResetPlan> {
  const contents = await readContents(session.client, tables.schema);
  refuseForeign(contents);
  const { rows } = await session.client.query<{ tables: number; estimatedRows: number }>(
    `SELECT count(*)::int AS tables, coalesce(sum(greatest(c.reltuples, s.n_live_tup, 0)), 0)::float8 AS "estimatedRows"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
      WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND c.oid NOT IN (coalesce(to_regclass($1)::oid, 0), coalesce(to_regclass($2)::oid, 0))`,
    [tables.migrations, tables.runs],
  );
  const { host, port, database } = session.address;
  return { host, port, database, ...rows[0]!, contents: contents.map(({ name }) => name), up };
}
