import pg from "pg";
import { codeOf, isConnectionLost, isServerError } from "../database/sqlstate.ts";
import { AppError, messageOf } from "../errors.ts";
import { imageRevision, version as headgateVersion } from "../version.ts";
import { addedColumns, ledgerDefinition, type AddedColumn, type LedgerTables } from "./ledger-tables.ts";
import { hostName } from "./operator.ts";
import type { Queryable } from "./queryable.ts";

/**
 * Creates what is missing of the ledger and returns its tables as they are then. The caller holds the migration lock.
 *
 * A ledger of an earlier release is brought up to date. Where that fails, because somebody reads the table for long or
 * it belongs to another role, a later run tries again: no migration fails for want of it.
 *
 * @param warn takes a sentence for each part that was put off
 */
export async function ensureLedger(
  database: Queryable,
  tables: LedgerTables,
  warn: (text: string) => void = () => undefined,
): Promise<LedgerTables> {
  const found = await readLedgerShape(database, tables);
  const { schema, migrations, uniqueNames, runs } = ledgerDefinition(tables);
  const missing = [
    ...(found.schema ? [] : [schema]),
    ...(found.migrations ? [] : [migrations, uniqueNames]),
    ...(found.runs ? [] : [...runs, ...(found.isOurs ? [takeOverNames(tables)] : [])]),
  ];
  // In one message, which is one transaction: a runner that is killed here leaves all of it or nothing.
  if (missing.length > 0) await makeTables(database, tables, missing.join(";\n"));
  if (found.isOurs && !found.uniqueNames) await tryUpgrade(database, uniqueNames, tables, warn);
  const allColumns = Object.keys(addedColumns) as AddedColumn[];
  const lacking = found.runs ? allColumns.filter((name) => !found.columns.includes(name)) : [];
  const added = lacking.map((name) => `ADD COLUMN IF NOT EXISTS ${name} ${addedColumns[name]}`).join(", ");
  const isWhole =
    lacking.length === 0 || (await tryUpgrade(database, `ALTER TABLE ${tables.runs} ${added}`, tables, warn));
  return { ...tables, columns: new Set(isWhole ? allColumns : found.columns) };
}

interface LedgerShape {
  readonly schema: boolean;
  readonly migrations: boolean;
  /** The table of names has our columns; another tool's table of that name has others. */
  readonly isOurs: boolean;
  readonly runs: boolean;
  readonly columns: readonly AddedColumn[];
  readonly uniqueNames: boolean;
}

async function readLedgerShape(database: Queryable, tables: LedgerTables): Promise<LedgerShape> {
  const { rows } = await database.query(
    `SELECT pg_catalog.to_regnamespace($1) IS NOT NULL AS schema,
            pg_catalog.to_regclass($2) IS NOT NULL AS migrations, pg_catalog.to_regclass($3) IS NOT NULL AS runs,
            (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = pg_catalog.to_regclass($2) AND a.attname::text IN ('id'::text, 'name'::text, 'run_on'::text) AND NOT a.attisdropped) = 3 AS "isOurs",
            ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                   WHERE a.attrelid = pg_catalog.to_regclass($3) AND a.attname::text = ANY ($4::text[]) AND NOT a.attisdropped) AS columns,
            EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                     WHERE i.indrelid = pg_catalog.to_regclass($2) AND i.indisunique AND i.indisvalid AND i.indimmediate
                       AND i.indnkeyatts = 1 AND i.indpred IS NULL AND a.attname::text = 'name'::text) AS "uniqueNames"`,
    [pg.escapeIdentifier(tables.schema), tables.migrations, tables.runs, Object.keys(addedColumns)],
  );
  return rows[0] as LedgerShape;
}

/** query_canceled, read_only_sql_transaction: no matter of the ledger. */
const stopsUs: ReadonlySet<string> = new Set(["57014", "25006"]);
/** duplicate_table, duplicate_object, wrong_object_type, and duplicate_schema. */
const nameIsTaken: ReadonlySet<string> = new Set(["42P07", "42710", "42809", "42P06"]);

/**
 * @throws AppError `history-conflict` where something else has a name of the ledger, `database-refused` where the server
 *   lets nobody make tables, by an event trigger for example
 */
async function makeTables(database: Queryable, tables: LedgerTables, statements: string): Promise<void> {
  try {
    await database.query(statements);
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (!isServerError(error) || isConnectionLost(error) || stopsUs.has(code) || code === "42501")
      throw error;
    if (nameIsTaken.has(code)) {
      throw new AppError(
        "history-conflict",
        `The ledger ${tables.migrations} cannot be made, since something else has its name: ${messageOf(error)}. ` +
          "Rename that, or set MIGRATIONS_TABLE or MIGRATIONS_SCHEMA to keep the ledger elsewhere.",
        { cause: error },
      );
    }
    throw new AppError(
      "database-refused",
      `The server refused to make the ledger ${tables.migrations}: ${messageOf(error)}. Is there an event trigger that forbids it? Nothing was run.`,
      { cause: error, details: { sqlstate: code } },
    );
  }
}

/**
 * Waits half a second for the table at most: readers would queue up behind us. Duplicates (23505) are a conflict that
 * the history reports by name; `repair` removes them.
 */
async function tryUpgrade(
  database: Queryable,
  statement: string,
  { migrations }: LedgerTables,
  warn: (text: string) => void,
): Promise<boolean> {
  try {
    await database.query(`SET LOCAL lock_timeout = '500ms'; ${statement}`);
    return true;
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (!isServerError(error) || isConnectionLost(error) || stopsUs.has(code)) throw error;
    const why =
      code === "55P03"
        ? "another session holds the table"
        : code === "42501"
          ? "the role that migrates does not own it"
          : code === "23505"
            ? "it holds a name twice"
            : `the server refused it (${messageOf(error)})`;
    warn(`The ledger beside ${migrations} was not brought up to date, since ${why}; a later run does it.`);
    return false;
  }
}

/**
 * A run for each name that another program has recorded, node-pg-migrate itself for example: from now on a name that
 * disappears is noticed. No checksum is written, since we do not know what ran.
 */
function takeOverNames({ migrations, runs }: LedgerTables): string {
  return `INSERT INTO ${runs} (version, name, kind, direction, state, attempts, started_at, finished_at, host, headgate_version, image_revision)
    SELECT coalesce(pg_catalog.substring(m.name::text, '^[0-9]+'), '0')::numeric, m.name, 'sql', 'baseline', 'applied', 0,
           m.run_on::timestamptz, m.run_on::timestamptz, ${literalOf(hostName())}, ${literalOf(headgateVersion)}, ${literalOf(imageRevision())}
      FROM ${migrations} m ORDER BY m.id`;
}

function literalOf(text: string): string {
  return pg.escapeLiteral(text);
}
