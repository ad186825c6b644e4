import type { Config } from "../config/settings.ts";
import { inTransaction } from "../database/transaction.ts";
import { AppError } from "../errors.ts";
import { agree } from "./agree.ts";
import { applyRepair } from "./apply-repair.ts";
import { dropInvalidIndexes } from "./drop-invalid-indexes.ts";
import { compareHistory } from "./history.ts";
import { readInvalidIndexes } from "./invalid-index.ts";
import { readKnownMigrations } from "./known-migrations.ts";
import { readLedger } from "./ledger.ts";
import { withMigrationSession, type MigrationSession } from "./migration-session.ts";
import { planRepair, type RepairPlan, type RepairWish } from "./repair-plan.ts";
import { readSameCode } from "./same-code.ts";
import { withMigrationLock, type RunOptions } from "./with-lock.ts";

export interface RepairOptions extends RunOptions, RepairWish {
  readonly confirm: (plan: RepairPlan) => Promise<boolean>;
}

export interface RepairResult extends RepairPlan {
  readonly outcome: "nothing-to-do" | "declined" | "repaired";
}

/**
 * Makes the ledger agree with the files after an intended change, and settles what a person says of a migration; nothing
 * else in the schema is touched. Every repair is a new row of the ledger; none is overwritten. Indexes that interrupted
 * builds left invalid are dropped.
 *
 * @throws AppError as `planRepair`, `migrateUp`
 */
export async function repair(config: Config, options: RepairOptions): Promise<RepairResult> {
  const known = readKnownMigrations(config);
  const { signal, listener } = options;
  const plan = async (database: MigrationSession): Promise<RepairPlan> => {
    const ledger = await readLedger(database.session.client, database.tables);
    const history = compareHistory(known, ledger, { allowOutOfOrder: true });
    const isSameCode = await readSameCode(database, history);
    const indexes = await readInvalidIndexes(database.session);
    return planRepair(history, ledger, known, options, isSameCode, indexes);
  };
  return await withMigrationSession(
    config,
    { activity: "migrate repair", signal, listener },
    async (database) => {
      const first = await plan(database);
      if (first.actions.length === 0) return { outcome: "nothing-to-do", ...first };
      if (!(await agree(database.session, first, options.confirm))) return { outcome: "declined", ...first };
      return await withMigrationLock(database, config, options, async ({ session, tables }) => {
        const fresh = await plan(database);
        const agreed = new Set(first.actions.map(({ sentence }) => sentence));
        const surprise = fresh.actions.find(
          ({ kind, sentence }) => kind !== "drop-index" && !agreed.has(sentence),
        );
        if (surprise !== undefined) {
          throw new AppError(
            "history-conflict",
            `While this command waited, another runner changed what needs repair: ${surprise.sentence} Nothing was repaired.`,
          );
        }
        await inTransaction(session, ["BEGIN"], async () => {
          for (const action of fresh.actions)
            if (action.kind !== "drop-index") await applyRepair(session.client, tables, action);
        });
        const dropped = await dropInvalidIndexes(
          session,
          tables,
          fresh.actions.flatMap(({ kind, name }) => (kind === "drop-index" ? [name] : [])),
        );
        const done = fresh.actions.filter(
          ({ kind, name }) => kind !== "drop-index" || dropped.includes(name),
        );
        return { outcome: done.length === 0 ? "nothing-to-do" : "repaired", actions: done, left: fresh.left };
      });
    },
  );
}
