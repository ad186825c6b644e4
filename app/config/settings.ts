/**
 * The one table of settings. Flags, environment names, YAML keys, `.env.example` and the README's table are made from
 * it (a test compares them). The addresses of databases have their own table, in database-address.ts.
 */

/** How the text of a setting is read. A duration is given as `500ms`, `30s`, `10min`, `1h`; a bare number is seconds. */
export type SettingType =
  "string" | "path" | "port" | "count" | "duration" | "address" | "identifier" | readonly string[];

export interface Setting {
  /** The environment variable; `${env}_FILE` names a file that holds the value. */
  readonly env: string;
  /** The key in a YAML file; a dot goes one level down. */
  readonly yaml: string;
  readonly flag?: string;
  readonly type: SettingType;
  /** What holds where nothing is set, as one would write it; undefined: there is none. */
  readonly default?: string;
  readonly secret?: true;
  readonly group: "service" | "pool" | "log" | "migrations";
  readonly description: string;
}

export const settings = {
  port: {
    env: "PORT",
    yaml: "service.port",
    type: "port",
    default: "8080",
    group: "service",
    description: "Port of the API.",
  },
  address: {
    env: "ADDRESS",
    yaml: "service.address",
    flag: "--address",
    type: "address",
    group: "service",
    description:
      "`host:port` to listen on instead of `PORT` on every interface, for example `:8080` or `127.0.0.1:8080`.",
  },
  operationsPort: {
    env: "OPERATIONS_PORT",
    yaml: "service.operationsPort",
    type: "port",
    default: "8081",
    group: "service",
    description:
      "Port of `/health`, `/ready`, `/version` and `/metrics` for probes; keep it off the public network.",
  },
  environment: {
    env: "APP_ENV",
    yaml: "service.environment",
    type: ["development", "test", "production"],
    default: "development",
    group: "service",
    description: "`production` refuses `migrate reset` and other conveniences.",
  },
  publishTokensFile: {
    env: "REGISTRY_PUBLISH_TOKENS_FILE",
    yaml: "registry.publishTokensFile",
    type: "path",
    group: "service",
    description:
      "Lines of `<sha256 of a token> <namespace pattern>`, read again when they change; without it the registry is read-only.",
  },
  shutdownTimeout: {
    env: "SHUTDOWN_TIMEOUT",
    yaml: "service.shutdownTimeout",
    type: "duration",
    default: "10s",
    group: "service",
    description: "How long requests in flight may take to finish after TERM.",
  },
  responseCacheMb: {
    env: "RESPONSE_CACHE_MB",
    yaml: "service.responseCacheMb",
    type: "count",
    default: "16",
    group: "service",
    description:
      "Megabytes of answers that the API keeps, to send them again as long as PostgreSQL says that nothing has changed; `0`: none.",
  },
  poolSize: {
    env: "DATABASE_POOL_SIZE",
    yaml: "database.poolSize",
    type: "count",
    default: "10",
    group: "pool",
    description: "Most connections the API holds.",
  },
  connectTimeout: {
    env: "DATABASE_CONNECT_TIMEOUT",
    yaml: "database.connectTimeout",
    type: "duration",
    default: "5s",
    group: "pool",
    description: "How long opening a connection, or waiting for a free one, may take.",
  },
  idleTimeout: {
    env: "DATABASE_IDLE_TIMEOUT",
    yaml: "database.idleTimeout",
    type: "duration",
    default: "30s",
    group: "pool",
    description: "When an unused connection of the API is closed.",
  },
  statementTimeout: {
    env: "DATABASE_STATEMENT_TIMEOUT",
    yaml: "database.statementTimeout",
    type: "duration",
    default: "5s",
    group: "pool",
    description: "Longest a query of the API may run; migrations have no such limit.",
  },
  logLevel: {
    env: "LOG_LEVEL",
    yaml: "log.level",
    flag: "--log-level",
    type: ["trace", "debug", "info", "warn", "error", "silent"],
    default: "info",
    group: "log",
    description: "The least severe messages that are written.",
  },
  logFormat: {
    env: "LOG_FORMAT",
    yaml: "log.format",
    flag: "--log-format",
    type: ["json", "pretty"],
    group: "log",
    description: "`json` lines or `pretty` text; without it, pretty on a terminal and JSON elsewhere.",
  },
  migrationsDirectory: {
    env: "MIGRATIONS_DIR",
    yaml: "migrations.directory",
    flag: "--migrations",
    type: "path",
    default: "migrations",
    group: "migrations",
    description: "Folder of the migration files; a relative path starts at Headgate's own folder.",
  },
  migrationsIgnore: {
    env: "MIGRATIONS_IGNORE",
    yaml: "migrations.ignore",
    type: "string",
    group: "migrations",
    description:
      "Glob patterns, separated by commas, of what in that folder looks like a migration and is none, for example `*.bak, archive`; what Headgate reads as a migration is never ignored.",
  },
  migrationsSchema: {
    env: "MIGRATIONS_SCHEMA",
    yaml: "migrations.schema",
    type: "identifier",
    default: "public",
    group: "migrations",
    description: "Schema of the two ledger tables; made when it is missing.",
  },
  migrationsTable: {
    env: "MIGRATIONS_TABLE",
    yaml: "migrations.table",
    type: "identifier",
    default: "schema_migrations",
    group: "migrations",
    description: "Table of applied migrations.",
  },
  migrateOnStart: {
    env: "MIGRATE_ON_START",
    yaml: "migrations.onStart",
    type: ["up", "check", "off"],
    default: "up",
    group: "migrations",
    description:
      "What `serve` does first: apply migrations, refuse to start while some are pending, or nothing.",
  },
  waitTimeout: {
    env: "WAIT_TIMEOUT",
    yaml: "migrations.waitTimeout",
    flag: "--wait-timeout",
    type: "duration",
    default: "60s",
    group: "migrations",
    description: "How long to wait for PostgreSQL to accept connections.",
  },
  lockWait: {
    env: "MIGRATE_LOCK_WAIT",
    yaml: "migrations.lockWait",
    type: "duration",
    default: "10min",
    group: "migrations",
    description:
      "How long to wait for another migrator that makes no progress; starts again whenever it does.",
  },
  lockTimeout: {
    env: "MIGRATE_LOCK_TIMEOUT",
    yaml: "migrations.lockTimeout",
    type: "duration",
    default: "3s",
    group: "migrations",
    description:
      "PostgreSQL's `lock_timeout` inside a migration, so that a blocked migration never blocks readers for longer.",
  },
  retries: {
    env: "MIGRATE_RETRIES",
    yaml: "migrations.retries",
    type: "count",
    default: "20",
    group: "migrations",
    description:
      "How often a migration is tried again after a lock timeout, a deadlock or a serialization failure.",
  },
  scratchUrl: {
    env: "MIGRATE_SCRATCH_URL",
    yaml: "migrations.scratchUrl",
    type: "string",
    secret: true,
    group: "migrations",
    description:
      "An empty database for `migrate verify` to try migrations in; without it, it makes one of its own and drops it.",
  },
  schemaAhead: {
    env: "MIGRATE_SCHEMA_AHEAD",
    yaml: "migrations.schemaAhead",
    type: ["allow", "refuse"],
    default: "allow",
    group: "migrations",
    description: "Whether an image starts on a schema that is newer than itself.",
  },
  nonemptyDatabase: {
    env: "MIGRATE_NONEMPTY_DATABASE",
    yaml: "migrations.nonemptyDatabase",
    type: ["refuse", "allow"],
    default: "refuse",
    group: "migrations",
    description:
      "Whether migrations may begin in a database that has tables of others and no ledger; asked once, since there is a ledger afterwards. The history of another migration tool is refused all the same: see `migrate baseline`.",
  },
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof settings;

/** A parsed address: no host means every interface. */
export interface ListenAddress {
  readonly host?: string;
  readonly port: number;
}

type Parsed<T extends SettingType> = T extends "port" | "count" | "duration"
  ? number
  : T extends "address"
    ? ListenAddress
    : T extends readonly (infer Choice)[]
      ? Choice
      : string;

/** Settings without a default may be undefined. Durations are milliseconds. */
export type SettingValues = {
  readonly [K in SettingKey]: (typeof settings)[K] extends { default: string }
    ? Parsed<(typeof settings)[K]["type"]>
    : Parsed<(typeof settings)[K]["type"]> | undefined;
};

export const sslmodes = ["disable", "require", "verify-ca", "verify-full"] as const;

/** Where a database is and who we are there. */
export interface DatabaseAddress {
  /** A host name, an IP address, or the folder of a Unix socket (begins with `/`). */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  readonly sslmode: (typeof sslmodes)[number];
  readonly sslRootCert: string | undefined;
  readonly tlsServerName: string | undefined;
  /** libpq's `options`, for example `-c search_path=app`. */
  readonly options: string | undefined;
}

export interface Config extends SettingValues {
  /** What the API connects to. */
  readonly database: DatabaseAddress;
  /** What migrations connect to: the same, unless MIGRATE_DATABASE_URL or MIGRATE_DB_* say otherwise. */
  readonly migrationDatabase: DatabaseAddress;
}
