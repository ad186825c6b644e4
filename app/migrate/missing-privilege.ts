import type { DatabaseAddress } from "../config/settings.ts";
import type { Session } from "../database/session.ts";
import { AppError, messageOf } from "../errors.ts";
import type { LedgerTables } from "./ledger-tables.ts";

/** What the role lacks, and the GRANT to type where reading the ledger is what it may not do. */
export async function missingPrivilege(
  session: Session,
  tables: LedgerTables,
  cause: unknown,
): Promise<AppError> {
  const { user, database }: DatabaseAddress = session.address;
  const grants = await readMissingGrants(session, tables).catch(() => []);
  const guarded = await readGuardedTables(session, tables).catch(() => []);
  if (guarded.length > 0) {
    return new AppError(
      "database-refused",
      `Row-level security hides rows of ${guarded.join(" and ")} from the role "${user}" in database "${database}": the history cannot be read. ` +
        `Turn it off (ALTER TABLE ${guarded[0]} DISABLE ROW LEVEL SECURITY), or let migrations use a role that it does not apply to: MIGRATE_DB_USER.`,
      { cause, details: { sqlstate: "42501" } },
    );
  }
  const advice =
    grants.length === 0
      ? "Migrations may use another role: MIGRATE_DB_USER."
      : `Reading the ledger takes: ${grants.join(" ")}`;
  return new AppError(
    "database-refused",
    `The role "${user}" lacks a privilege in database "${database}": ${messageOf(cause)}. ${advice}`,
    { cause, details: { sqlstate: "42501" } },
  );
}

/** Those of the ledger's tables whose policies apply to us. */
async function readGuardedTables(
  { client }: Session,
  { migrations, runs }: LedgerTables,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT t.name FROM pg_catalog.unnest($1::text[]) AS t (name)
      WHERE pg_catalog.row_security_active(pg_catalog.to_regclass(t.name)::oid)`,
    [[migrations, runs]],
  );
  return rows.map(({ name }) => name);
}

/** Asks the catalogue by name: resolving a name in a schema takes the very privilege that may be missing. */
async function readMissingGrants(
  { client }: Session,
  { schema, migrations, runs }: LedgerTables,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string; role: string; enters: boolean; reads: boolean }>(
    `SELECT t.name, quote_ident(current_user) AS role, has_schema_privilege(t.schema, 'USAGE') AS enters, has_table_privilege(t.oid, 'SELECT') AS reads
       FROM (SELECT c.oid, n.oid AS schema,
                    concat('"', replace(n.nspname, '"', '""'), '"."', replace(c.relname, '"', '""'), '"') AS name
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace) t
      WHERE t.name IN ($1, $2) ORDER BY t.name`,
    [migrations, runs],
  );
  const role = rows[0]?.role ?? "";
  const unread = rows.filter(({ reads }) => !reads).map(({ name }) => name);
  return [
    ...(rows.some(({ enters }) => !enters)
      ? [`GRANT USAGE ON SCHEMA ${client.escapeIdentifier(schema)} TO ${role};`]
      : []),
    ...(unread.length > 0 ? [`GRANT SELECT ON ${unread.join(", ")} TO ${role};`] : []),
  ];
}
