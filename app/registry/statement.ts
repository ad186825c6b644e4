import { DatabaseError } from "pg";
import { AppError } from "../errors.ts";

/** A prepared statement: PostgreSQL plans each name once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** The least of a pool or client that the registry needs. */
export interface Database {
  query(statement: Statement): Promise<{ rows: unknown[] }>;
}

/**
 * The rows that a statement answers.
 *
 * @throws AppError `database-unreachable`, `database-refused` or `unavailable` where the database, not the statement, is
 *   the trouble; anything else is a fault of ours and thrown as it is
 */
export async function runStatement<Row>(database: Database, statement: Statement): Promise<Row[]> {
  try {
    const { rows } = await database.query(statement);
    return rows as Row[];
  } catch (error) {
    throw asDatabaseTrouble(error) ?? error;
  }
}

/** SQLSTATEs, or their first two characters, that say something about the database rather than about our SQL. */
const troubles: readonly (readonly [
  prefix: string,
  code: "database-unreachable" | "database-refused" | "unavailable",
  message: string,
])[] = [
  ["08", "database-unreachable", "The connection to the database broke."],
  ["57P", "database-unreachable", "The database is shutting down or starting."],
  ["28", "database-refused", "The database refused our role or password."],
  ["3D000", "database-refused", "The database does not exist."],
  ["42501", "database-refused", "Our role lacks a privilege."],
  ["53", "unavailable", "The database has run out of a resource."],
  ["57014", "unavailable", "A query took longer than DATABASE_STATEMENT_TIMEOUT."],
  ["55P03", "unavailable", "A lock was not free in time."],
  ["25006", "unavailable", "The database is read-only."],
  ["42P01", "unavailable", "A table of the registry is missing: migrations are pending."],
  ["42703", "unavailable", "A column of the registry is missing: migrations are pending."],
];

/** What the error says about the database; undefined when it says nothing about it. */
export function asDatabaseTrouble(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  // Whatever node-postgres throws that PostgreSQL did not say comes from the connection: refused, reset, timed out.
  if (!(error instanceof DatabaseError)) {
    return new AppError("database-unreachable", "The database cannot be reached.", { cause: error });
  }
  const found = troubles.find(([prefix]) => error.code?.startsWith(prefix));
  return found && new AppError(found[1], found[2], { cause: error });
}

/** Whether the error comes from tables or columns that no migration has made yet. */
export function isSchemaMissing(error: unknown): boolean {
  const cause = error instanceof AppError ? error.cause : error;
  return cause instanceof DatabaseError && (cause.code === "42P01" || cause.code === "42703");
}
