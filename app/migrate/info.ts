import type { Config, DatabaseAddress } from "../config/settings.ts";
import { imageRevision, version } from "../version.ts";
import { holderFacts, lockKey, readLockHolder, type HolderFacts } from "./lock.ts";
import { isSharedBackend, migrationsDirectory, withMigrationSession } from "./migration-session.ts";
import type { RunOptions } from "./with-lock.ts";

/** Where migrations would run, as whom, and who is at it. No password is in it. */
export interface Info {
  readonly connection: Pick<DatabaseAddress, "host" | "port" | "database" | "user" | "sslmode">;
  readonly server: InfoServer;
  /** A pooler in between gives each transaction another backend. */
  readonly pooled: boolean;
  /** Null where the connection is not encrypted. */
  readonly tls: { readonly protocol: string; readonly cipher: string } | null;
  readonly role: { readonly name: string; readonly superuser: boolean };
  /** What the role may do; null where the thing itself does not exist yet. */
  readonly privileges: {
    readonly createSchema: boolean;
    readonly createTable: boolean | null;
    readonly writeLedger: boolean | null;
  };
  readonly ledger: {
    readonly migrations: string;
    readonly runs: string;
    readonly exists: boolean;
    readonly bytes: number | null;
  };
  readonly lock: HolderFacts | null;
  /** How many others wait for it, as far as their names show. */
  readonly waiters: number;
  readonly migrationsDirectory: string;
  readonly headgateVersion: string;
  readonly imageRevision: string;
}

export interface InfoServer {
  readonly version: string;
  /** Its major version is one that Headgate knows; a newer one may work as well. */
  readonly supported: boolean;
  readonly standby: boolean;
  /** ISO 8601 in UTC. */
  readonly startedAt: string;
  /** It has client_connection_check_interval: what a killed runner held is free within seconds. */
  readonly noticesDeadClients: boolean;
}

/** The newest major version of PostgreSQL that the tests run on. */
export const newestTestedServer = 18;

interface InfoRow {
  readonly version: string;
  readonly standby: boolean;
  readonly started: Date;
  readonly tls: Info["tls"];
  readonly role: string;
  readonly superuser: boolean;
  readonly create_schema: boolean;
  readonly create_table: boolean | null;
  readonly write_ledger: boolean | null;
  readonly ledger: boolean;
  readonly ledger_bytes: number | null;
  readonly migrating: number;
}

/**
 * Only reads.
 *
 * @throws AppError `database-unreachable`, `database-refused`, `interrupted`
 */
export async function readInfo(config: Config, options: RunOptions): Promise<Info> {
  const { signal, listener } = options;
  return await withMigrationSession(
    config,
    { activity: "migrate info", readOnly: true, signal, listener },
    async ({ session, tables }) => {
      const holder = await readLockHolder(session, lockKey(session.database, tables));
      const pooled = await isSharedBackend(session);
      const { rows } = await session.client.query<InfoRow>(
        `SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby, pg_postmaster_start_time() AS started,
                (SELECT json_build_object('protocol', s.version, 'cipher', s.cipher) FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid() AND s.ssl) AS tls,
                current_user::text AS role, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
                has_database_privilege(current_database(), 'CREATE') AS create_schema,
                has_schema_privilege(to_regnamespace($1)::oid, 'CREATE') AS create_table,
                has_table_privilege(to_regclass($2)::oid, 'INSERT') AS write_ledger,
                to_regclass($2) IS NOT NULL AND to_regclass($3) IS NOT NULL AS ledger,
                (pg_total_relation_size(to_regclass($2)) + pg_total_relation_size(to_regclass($3)))::float8 AS ledger_bytes,
                (SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND pid <> ALL (ARRAY[pg_backend_pid(), $4])
                   AND application_name ~ '^headgate migrate (up|down|redo|baseline|repair)') AS migrating`,
        [session.client.escapeIdentifier(tables.schema), tables.migrations, tables.runs, holder?.pid ?? 0],
      );
      const row = rows[0]!;
      const { host, port, database, user, sslmode } = session.address;
      return {
        connection: { host, port, database, user, sslmode },
        server: {
          version: row.version,
          supported: session.serverVersion < (newestTestedServer + 1) * 10_000,
          standby: row.standby,
          startedAt: row.started.toISOString(),
          noticesDeadClients: session.serverVersion >= 140_000,
        },
        pooled,
        tls: row.tls,
        role: { name: row.role, superuser: row.superuser },
        privileges: {
          createSchema: row.create_schema,
          createTable: row.create_table,
          writeLedger: row.write_ledger,
        },
        ledger: {
          migrations: tables.migrations,
          runs: tables.runs,
          exists: row.ledger,
          bytes: row.ledger_bytes,
        },
        lock: holder === undefined ? null : holderFacts(holder),
        // Whoever comes while nobody holds the lock does not wait.
        waiters: holder === undefined ? 0 : row.migrating,
        migrationsDirectory: migrationsDirectory(config),
        headgateVersion: version,
        imageRevision: imageRevision(),
      };
    },
  );
}
