import { defineStatement, runStatement, type Database } from "./statement.ts";

/**
 * Which transactions a statement sees, in a text that is another one after each of them that ends, and the same as long
 * as none does. Null on a standby, whose snapshots do not name what is under way. With the start of the server: another
 * one counts its transactions by itself.
 */
const currentSnapshot = defineStatement(
  "registry-snapshot",
  `SELECT CASE WHEN NOT pg_is_in_recovery() THEN
    concat_ws(' ', pg_current_snapshot(), extract(epoch FROM pg_postmaster_start_time())) END AS "snapshot"`,
);

/** Null: the server is a standby. */
export type Snapshot = string | null;

/**
 * Asks PostgreSQL for its snapshot. Two equal ones see the same rows: what was read after the first was taken, and before
 * the second, is still what would be read now.
 */
export class SnapshotReader {
  readonly #database: Database;
  #coming: Promise<Snapshot> | undefined;
  #last: Snapshot | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What was answered last; undefined before the first answer. */
  get last(): Snapshot | undefined {
    return this.#last;
  }

  /**
   * A snapshot taken after this call; null on a standby. Whoever asks in the same turn of the event loop shares the
   * question: under load one for many requests.
   *
   * @throws AppError as `runStatement`
   */
  read(): Promise<Snapshot> {
    return (this.#coming ??= this.#ask());
  }

  async #ask(): Promise<Snapshot> {
    await new Promise(setImmediate);
    // From here on the snapshot may be older than the next who asks.
    this.#coming = undefined;
    const [row] = await runStatement(this.#database, currentSnapshot.with());
    return (this.#last = row?.snapshot ?? null);
  }

  /** The server may be another one: what it answered before says nothing any more. */
  forget(): void {
    this.#last = undefined;
  }
}
