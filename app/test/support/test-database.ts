import { randomBytes } from "node:crypto";
import { loadConfig } from "../../config/load.ts";
import type { Config, DatabaseAddress } from "../../config/settings.ts";
import { closeSession, openSession, type Session } from "../../database/session.ts";
import { applyMigrations } from "./apply-migrations.ts";

export interface TestDatabase {
  readonly name: string;
  readonly address: DatabaseAddress;
  readonly url: string;
  readonly config: Config;
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Removes it, and the connections that anybody still has. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** `empty` (default), or `migrated`: our migrations were applied. */
  readonly template?: "empty" | "migrated";
  /** Settings as environment variables, for `config`. */
  readonly env?: Readonly<Record<string, string>>;
}

const migratedTemplate = "headgate_migrated";

/** A database of its own for a test file, on the PostgreSQL that global-setup started for this run. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await maintain(async (query) => {
    if (options.template === "migrated") await makeMigratedTemplate(query);
    await query(
      `CREATE DATABASE ${name} TEMPLATE ${options.template === "migrated" ? migratedTemplate : "template0"}`,
    );
  });
  const url = urlOf(name);
  const config = configOf(url, options.env);
  const address = config.database;
  return {
    name,
    address,
    url,
    config,
    query: (text, values) => withTestSession(address, (session) => rowsOf(session, text, values)),
    drop: () => maintain((query) => query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  };
}

/** The configuration of a program that runs on `url`; nothing of this machine's environment or `.env` is in it. */
export function configOf(url: string, env: Readonly<Record<string, string>> = {}): Config {
  const quiet = { APP_ENV: "test", LOG_LEVEL: "silent", PORT: "0", OPERATIONS_PORT: "0" };
  return loadConfig({ env: { ...quiet, DATABASE_URL: url, ...env }, cwd: import.meta.dirname });
}

/** The URL of the superuser in a database of this run's PostgreSQL. */
export function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
}

/** Opens a connection for `work`, and ends it whatever happens. */
export async function withTestSession<T>(
  address: DatabaseAddress,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(address, "test", 10_000);
  try {
    // As any client of this role would find it: the settings of our own statements are not for tests.
    await session.client.query("RESET ALL");
    return await work(session);
  } finally {
    await closeSession(session);
  }
}

type Query = (text: string, values?: readonly unknown[]) => Promise<Record<string, unknown>[]>;

/** Runs SQL in the database `postgres`. */
export async function maintain<T>(work: (query: Query) => Promise<T>): Promise<void> {
  await withTestSession(configOf(urlOf("postgres")).database, async (session) => {
    await work((text, values) => rowsOf(session, text, values));
  });
}

/** Applies the migrations once per run, whichever worker comes first; the others wait for it. */
async function makeMigratedTemplate(query: Query): Promise<void> {
  await query("SELECT pg_advisory_lock(hashtext($1))", [migratedTemplate]);
  try {
    const found = await query("SELECT FROM pg_database WHERE datname = $1", [migratedTemplate]);
    if (found.length > 0) return;
    const draft = `${migratedTemplate}_draft`;
    await query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await query(`CREATE DATABASE ${draft} TEMPLATE template0`);
    await applyMigrations(urlOf(draft));
    // Nobody can change it from here on, and no connection stands in the way of a copy.
    await query(`ALTER DATABASE ${draft} WITH ALLOW_CONNECTIONS false`);
    await query(`ALTER DATABASE ${draft} RENAME TO ${migratedTemplate}`);
  } finally {
    await query("SELECT pg_advisory_unlock(hashtext($1))", [migratedTemplate]);
  }
}

async function rowsOf(
  session: Session,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  // Without values the simple protocol is used, which takes several statements at once; then the last one answers.
  const result = await (values.length > 0
    ? session.client.query(text, [...values])
    : session.client.query(text));
  const last: unknown = Array.isArray(result) ? result.at(-1) : result;
  return (last as { rows: Record<string, unknown>[] }).rows;
}

function serverUrl(): string {
  const url = process.env["HEADGATE_TEST_DATABASE_URL"];
  if (url === undefined) {
    throw new Error(
      "no test PostgreSQL: tests that need a database live in app/test/database (see jest.config.mjs)",
    );
  }
  return url;
}
