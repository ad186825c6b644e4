import type { Config, DatabaseAddress } from "../config/settings.ts";
import { imageRevision, version } from "../version.ts";
import { lockKey, readLockHolder } from "./lock.ts";
import { migrationsDirectory, withMigrationSession } from "./migration-session.ts";
import type { RunOptions } from "./with-lock.ts";

/** Where migrations would run, as whom, and who is at it. No password is in it. */
export interface Info {
  readonly connection: Pick<DatabaseAddress, "host" | "port" | "database" | "user" | "sslmode">;
  readonly server: { readonly version: string; readonly standby: boolean; readonly startedAt: string };
  /** Null where the connection is not encrypted. */
  readonly tls: { readonly protocol: string; readonly cipher: string } | null;
  readonly role: { readonly name: string; readonly superuser: boolean };
  /** What the role may do; null where the thing itself does not exist yet. */
  readonly privileges: {
    readonly createSchema: boolean;
    readonly createTable: boolean | null;
    readonly writeLedger: boolean | null;
  };
  readonly ledger: { readonly migrations: string; readonly runs: string; readonly exists: boolean };
  readonly lock: InfoLock | null;
  readonly migrationsDirectory: string;
  readonly headgateVersion: string;
  readonly imageRevision: string;
}

/** Who holds the migration lock. */
export interface InfoLock {
  readonly pid: number;
  readonly applicationName: string;
  readonly clientAddress: string | null;
  readonly state: string | null;
  readonly since: string | null;
}

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
      const { rows } = await session.client.query<InfoRow>(
        `SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby, pg_postmaster_start_time() AS started,
                (SELECT json_build_object('protocol', s.version, 'cipher', s.cipher) FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid() AND s.ssl) AS tls,
                current_user::text AS role, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
                has_database_privilege(current_database(), 'CREATE') AS create_schema,
                has_schema_privilege(to_regnamespace($1)::oid, 'CREATE') AS create_table,
                has_table_privilege(to_regclass($2)::oid, 'INSERT') AS write_ledger,
                to_regclass($2) IS NOT NULL AND to_regclass($3) IS NOT NULL AS ledger`,
        [session.client.escapeIdentifier(tables.schema), tables.migrations, tables.runs],
      );
      const row = rows[0]!;
      const holder = await readLockHolder(session, lockKey(session.address.database, tables));
      const { host, port, database, user, sslmode } = session.address;
      return {
        connection: { host, port, database, user, sslmode },
        server: { version: row.version, standby: row.standby, startedAt: row.started.toISOString() },
        tls: row.tls,
        role: { name: row.role, superuser: row.superuser },
        privileges: {
          createSchema: row.create_schema,
          createTable: row.create_table,
          writeLedger: row.write_ledger,
        },
        ledger: { migrations: tables.migrations, runs: tables.runs, exists: row.ledger },
        lock:
          holder === undefined
            ? null
            : {
                pid: holder.pid,
                applicationName: holder.applicationName,
                clientAddress: holder.clientAddress,
                state: holder.state,
                since: holder.since?.toISOString() ?? null,
              },
        migrationsDirectory: migrationsDirectory(config),
        headgateVersion: version,
        imageRevision: imageRevision(),
      };
    },
  );
}
