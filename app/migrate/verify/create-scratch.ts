import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { DatabaseAddress } from "../../config/settings.ts";
import { placeOf } from "../../database/preflight.ts";
import { ownSettings } from "../../database/own-settings.ts";
import { closeSession, guardSession, openSession, type Session } from "../../database/session.ts";
import { codeOf } from "../../database/sqlstate.ts";
import { AppError } from "../../errors.ts";
import { readContents } from "../reset/contents.ts";

/** A database of ours: this, and twelve hexadecimal digits. */
const prefix = "headgate_verify_";
const comment = "Headgate verify: a scratch database";

/** Half of the advisory lock that its owner holds in another database; the other half is the end of its name. */
const lockClass = 0x48_47_56_46; // "HGVF"

export function scratchName(): string {
  return prefix + randomBytes(6).toString("hex");
}

/** Shows to a later `verify` that the database with this name still has an owner. */
export async function claim({ client }: Session, name: string): Promise<void> {
  await client.query("SELECT pg_advisory_lock($1, ('x' || right($2, 8))::bit(32)::int)", [lockClass, name]);
}

/**
 * Makes an empty database with the encoding, the locale and the settings of the one that the session is in.
 *
 * @throws AppError `database-refused` when the role may not
 */
export async function createScratch(session: Session, name: string): Promise<void> {
  const { client } = session;
  const { rows } = await client.query<{ row: Record<string, string | number | null>; encoding: string }>(
    "SELECT to_jsonb(d) AS row, pg_encoding_to_char(d.encoding) AS encoding FROM pg_database d WHERE d.datname = current_database()",
  );
  const { row, encoding } = rows[0]!;
  const literal = (value: string | number): string => client.escapeLiteral(String(value));
  const option = (word: string, value: string | number | null | undefined): string =>
    value === null || value === undefined ? "" : ` ${word} ${literal(value)}`;
  const provider = row["datlocprovider"];
  // PostgreSQL 15 and 16 have a column for ICU, later ones for every provider.
  const locale = row["datlocale"] ?? row["daticulocale"];
  const providerOptions =
    provider === "i"
      ? ` LOCALE_PROVIDER icu${option("ICU_LOCALE", locale)}${option("ICU_RULES", row["daticurules"])}`
      : provider === "b"
        ? ` LOCALE_PROVIDER builtin${option("BUILTIN_LOCALE", locale)}`
        : "";
  try {
    await client.query(
      `CREATE DATABASE ${name} TEMPLATE template0 ENCODING ${literal(encoding)}${option("LC_COLLATE", row["datcollate"])}${option("LC_CTYPE", row["datctype"])}${providerOptions}`,
    );
  } catch (error) {
    throw codeOf(error) === "42501" ? mayNotCreate(session, error) : error;
  }
  await client.query(
    `COMMENT ON DATABASE ${name} IS ${literal(`${comment} of ${hostname()}:${process.pid}, made at ${new Date().toISOString()}; it may be dropped`)}`,
  );
  await copySettings(session, name);
}

function mayNotCreate({ address }: Session, cause: unknown): AppError {
  return new AppError(
    "database-refused",
    `The role "${address.user}" may not create a scratch database at ${placeOf(address)}. Grant it CREATEDB, or give an empty database: --scratch-url postgres://… (MIGRATE_SCRATCH_URL).`,
    { cause },
  );
}

/** What ALTER DATABASE … SET says of the database holds for migrations too. */
async function copySettings(session: Session, name: string): Promise<void> {
  const { client } = session;
  const { rows } = await client.query<{ name: string; value: string }>(
    `SELECT split_part(o, '=', 1) AS name, substr(o, strpos(o, '=') + 1) AS value
       FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS o
      WHERE s.setrole = 0 AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  for (const setting of rows) {
    try {
      // FROM CURRENT, since a list cannot be given as one literal.
      await client.query("SELECT pg_catalog.set_config($1, $2, false)", [setting.name, setting.value]);
      await client.query(
        `ALTER DATABASE ${name} SET ${setting.name
          .split(".")
          .map((part) => client.escapeIdentifier(part))
          .join(".")} FROM CURRENT`,
      );
    } catch (error) {
      // One that only a superuser may set, or of an extension that is not loaded.
      if (codeOf(error) === undefined) throw error;
    }
  }
  await client.query(["RESET ALL", ...ownSettings].join("; "));
  await guardSession(session);
}

/** Removes it with whoever is still connected to it. */
export async function dropScratch({ client }: Session, name: string): Promise<void> {
  await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

/**
 * Removes what killed runs of `verify` left on the server: databases with our name and comment (or nothing in them) of
 * our own role, which no living run claims and nobody is connected to.
 *
 * @returns their names
 */
export async function dropAbandoned(session: Session): Promise<string[]> {
  const { rows } = await session.client.query<{ name: string; marked: boolean }>(
    `SELECT d.datname AS name, coalesce(shobj_description(d.oid, 'pg_database'), '') LIKE $1 AS marked
       FROM pg_database d
      WHERE d.datname ~ ('^' || $2 || '[0-9a-f]{12}$')
        AND pg_get_userbyid(d.datdba) = current_user
        AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)
        AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = $3 AND l.objid = ('x' || right(d.datname, 8))::bit(32)::bigint)`,
    [`${comment}%`, prefix, lockClass],
  );
  const dropped: string[] = [];
  for (const { name, marked } of rows) {
    try {
      if (!marked && !(await isEmpty({ ...session.address, database: name }))) continue;
      // Without FORCE: somebody may have connected by now.
      await session.client.query(`DROP DATABASE IF EXISTS ${name}`);
      dropped.push(name);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
  }
  return dropped;
}

/** Killed between the database and its comment, a run has done nothing in it. */
async function isEmpty(address: DatabaseAddress): Promise<boolean> {
  const session = await openSession(address, "verify", 5000);
  try {
    return (await readContents(session.client, "public")).length === 0;
  } finally {
    await closeSession(session);
  }
}
