import type { Config } from "../../app/config/settings.ts";
import { createPool } from "../../app/database/pool.ts";
import { AppError } from "../../app/errors.ts";
import { asDatabaseTrouble, isSchemaMissing, type Database } from "../../app/registry/statement.ts";

/**
 * Runs `act` with one connection to the registry's database, for as long as it takes, and closes it whatever happens.
 *
 * @param activity what an administrator sees that it is for: `registry import`
 * @throws AppError `history-conflict` (exit code 3) when the tables are missing; what `act` throws
 */
export async function withConnection<T>(
  config: Config,
  activity: string,
  act: (database: Database) => Promise<T>,
): Promise<T> {
  const pool = createPool({ ...config, poolSize: 1, statementTimeout: 0 }, () => undefined);
  try {
    return await withClient(pool, activity, act);
  } catch (error) {
    if (!isSchemaMissing(error)) throw error;
    const message = "The registry's tables are missing or older than this program. Run `migrate up` first.";
    throw new AppError("history-conflict", message, { details: { exitCode: 3 } });
  } finally {
    await pool.end();
  }
}

async function withClient<T>(
  pool: ReturnType<typeof createPool>,
  activity: string,
  act: (database: Database) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw asDatabaseTrouble(error) ?? error;
  });
  // A connection that breaks says so in the query under way, too.
  client.on("error", () => undefined);
  try {
    await client.query(`SET application_name = ${client.escapeLiteral(`headgate ${activity}`)}`);
    const result = await act(client);
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
