import pg from "pg";
import { codeOf } from "../database/sqlstate.ts";
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
  if (missing.length > 0) await database.query(missing.join(";\n"));
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

/** Duplicates (23505) are a conflict that the history reports by name; `repair` removes them. */
const mayBePutOff: ReadonlySet<string> = new Set(["55P03", "42501", "23505"]);

/** Waits half a second for the table at most: readers would queue up behind us. */
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
    if (!mayBePutOff.has(code)) throw error;
    const why =
      code === "55P03"
        ? "another session holds the table"
        : code === "42501"
          ? "the role that migrates does not own it"
          : "it holds a name twice";
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
