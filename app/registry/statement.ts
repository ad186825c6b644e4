import { DatabaseError } from "pg";
import { AppError } from "../errors.ts";
import { forgetSchema, inItsSchema } from "./schema.ts";
import type { StatementTypes } from "./statement-types.ts";

/** A prepared statement: PostgreSQL plans each name once per connection; an empty name: once per query. */
export interface Statement<Row = unknown> {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
  /** Never there: it carries the type of the rows. */
  readonly row?: Row;
}

/** What PostgreSQL says that a statement answers. */
export type RowOf<Name extends keyof StatementTypes> = StatementTypes[Name]["row"];

export interface DefinedStatement<Name extends keyof StatementTypes = keyof StatementTypes> {
  readonly name: Name;
  readonly text: string;
  /** The statement with its values, for `runStatement`. */
  with(...values: StatementTypes[Name]["parameters"]): Statement<RowOf<Name>>;
}

const defined = new Map<string, Pick<DefinedStatement, "name" | "text">>();

/**
 * A statement whose types come from PostgreSQL, by way of `npm run types`. To be called once for each name, while its
 * module is loaded: whatever has been defined is what gets types.
 */
export function defineStatement<Name extends keyof StatementTypes>(
  name: Name,
  text: string,
): DefinedStatement<Name> {
  if (defined.has(name)) throw new Error(`the statement ${name} is defined twice`);
  defined.set(name, { name, text });
  return { name, text, with: (...values) => ({ name, text, values: [...values] }) };
}

/** Every statement that the modules loaded so far have defined. */
export function definedStatements(): Pick<DefinedStatement, "name" | "text">[] {
  return [...defined.values()];
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
export async function runStatement<Row>(database: Database, statement: Statement<Row>): Promise<Row[]> {
  try {
    const { rows } = await database.query(await inItsSchema(database, statement));
    return rows as Row[];
  } catch (error) {
    if (isSchemaMissing(error)) forgetSchema(database);
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
