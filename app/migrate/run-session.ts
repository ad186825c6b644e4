import type { Config } from "../config/settings.ts";
import { placeOf } from "../database/preflight.ts";
import { AppError } from "../errors.ts";
import { endedByDecision } from "./connection-lost.ts";
import { withMigrationSession, type MigrationSession, type SessionOptions } from "./migration-session.ts";
import type { RunMemory } from "./run-memory.ts";
import { recordFailed } from "./run-steps.ts";

/**
 * As `withMigrationSession`, for an attempt of `throughLosses`. Where somebody has ended the session before this one
 * (57P01, and the server is the same since then), that is a decision: nothing goes on by itself.
 *
 * @throws AppError also `database-unreachable` for such a decision, once it is recorded
 */
export async function withRunSession<T>(
  config: Config,
  options: SessionOptions,
  memory: RunMemory,
  work: (database: MigrationSession) => Promise<T>,
): Promise<T> {
  return await withMigrationSession(config, options, async (database) => {
    const { lost } = memory;
    memory.lost = undefined;
    if (lost?.sqlstate === endedByDecision && lost.serverStart === database.session.serverStart)
      await stopByDecision(database, memory);
    return await work(database);
  });
}

async function stopByDecision({ session }: MigrationSession, { open, done }: RunMemory): Promise<never> {
  const who = `Somebody, or the migration itself, ended our session at ${placeOf(session.address)} (57P01, and the server was not restarted): this run stops here and does not go on by itself.`;
  if (open === undefined) throw new AppError("database-unreachable", `${who} Run the command again.`);
  const { tables, step } = open;
  const { file, direction, directives } = step.migration;
  const { rowCount } = await session.client
    .query(`SELECT FROM ${tables.migrations} m WHERE m.name::text = $1::text`, [file.name])
    // The ledger may not be there yet.
    .catch(() => ({ rowCount: 0 }));
  if ((rowCount === 1) === (direction === "up")) {
    done.push(open.result);
    throw new AppError(
      "database-unreachable",
      `${who} ${file.name} had just been committed. Run the command again for the rest.`,
    );
  }
  const message = "somebody ended the session (57P01)";
  // What runs outside a transaction has a record, which says that it was interrupted.
  if (!directives.noTransaction)
    await recordFailed({ session, tables, listener: () => undefined, waitedMs: 0 }, step, {
      ending: "stopped",
      startedAt: open.startedAt,
      error: { message, sqlstate: endedByDecision },
    });
  throw new AppError(
    "database-unreachable",
    `${file.name}: ${who} ${directives.noTransaction ? "What is done of it stays; the next run resumes there." : "It was rolled back; nothing of it remains."}`,
  );
}
