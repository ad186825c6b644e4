import { DatabaseError } from "pg";
import { shareSchema } from "./schema.ts";
import { asDatabaseTrouble, type Database } from "./statement.ts";

/** The least of a pool that a change of the registry needs. */
export interface DatabasePool extends Database {
  connect(): Promise<Connection>;
}

export interface Connection extends Database {
  release(destroy?: boolean): void;
}

/** Who met whom is told apart by PostgreSQL: trying once more is all there is to it. */
const worthRetrying = new Set(["40001", "40P01"]);
const attempts = 5;

/**
 * Runs `work` in a transaction on a connection of its own: all of what it changed is there afterwards, or, when it
 * throws, nothing. It may be run several times, when another transaction stood in the way.
 *
 * @throws AppError as `runStatement`; what `work` throws
 */
export async function inTransaction<T>(
  pool: DatabasePool,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await runOnce(pool, work);
    } catch (error) {
      const isWorth = error instanceof DatabaseError && worthRetrying.has(error.code ?? "");
      if (!isWorth || attempt === attempts) throw asDatabaseTrouble(error) ?? error;
    }
  }
}

async function runOnce<T>(pool: DatabasePool, work: (database: Database) => Promise<T>): Promise<T> {
  const connection = await pool.connect().catch((error: unknown) => {
    throw asDatabaseTrouble(error) ?? error;
  });
  let isSound = false;
  try {
    await shareSchema(pool, connection);
    await command(connection, "BEGIN");
    const result = await work(connection);
    await command(connection, "COMMIT");
    isSound = true;
    return result;
  } catch (error) {
    // Where not even that goes through, the connection is closed and PostgreSQL rolls back by itself.
    isSound = await command(connection, "ROLLBACK").then(
      () => true,
      () => false,
    );
    throw error;
  } finally {
    connection.release(!isSound);
  }
}

async function command(connection: Database, word: "BEGIN" | "COMMIT" | "ROLLBACK"): Promise<void> {
  await connection.query({ name: `registry-${word.toLowerCase()}`, text: word, values: [] });
}
