import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ledgerTables } from "../../migrate/ledger-tables.ts";
import { lockKey } from "../../migrate/lock.ts";
import { findFreePort } from "./free-port.ts";
import { openSession, closeSession } from "../../database/session.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

/** Where a documented command is run: a database and a folder of its own. */
export interface Place {
  readonly database: TestDatabase;
  /** Of the migrations, which may be written to. */
  readonly migrations: string;
  /** Runs `migrate` with these words, and expects this exit code. */
  migrate(words: string, code?: number): Promise<void>;
}

export type Environment = Readonly<Record<string, string>>;

/** What must be so before the command: returns what else it finds in its environment, and how to end it. */
export interface Scene {
  readonly name: string;
  /** Of the database; `empty` unless given. */
  readonly template?: "migrated";
  prepare(place: Place): Promise<{ env?: Environment; end?: () => Promise<void> } | undefined>;
}

const padded = (version: number): string => String(version).padStart(6, "0");

/** The files of a team that has been at it for a while. */
export function teamMigrations(): Record<string, string> {
  const versions = [...Array.from({ length: 12 }, (_, index) => index + 1), 42, 120];
  return Object.fromEntries(
    versions.flatMap((version) => [
      [
        `${padded(version)}_create_thing_${version}.up.sql`,
        `CREATE TABLE thing_${version} (id bigint PRIMARY KEY);\n`,
      ],
      [`${padded(version)}_create_thing_${version}.down.sql`, `DROP TABLE thing_${version};\n`],
    ]),
  );
}

function write({ migrations }: Place, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(migrations, name), text);
}

function only(place: Place, files: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(teamMigrations())) rmSync(join(place.migrations, name));
  write(place, files);
}

const owner = {
  "000001_create_server.up.sql": "CREATE TABLE server (id bigint PRIMARY KEY, name text NOT NULL);\n",
  "000001_create_server.down.sql": "DROP TABLE server;\n",
  "000002_add_owner.up.sql": "ALTER TABLE server ADD COLUMN owner text;\n",
  "000002_add_owner.down.sql": "ALTER TABLE server DROP COLUMN owner;\n",
};

const other = (place: Place, change: (url: URL) => void): Environment => {
  const url = new URL(place.database.url);
  change(url);
  return { DATABASE_URL: url.href };
};

export const scenes = {
  /** Everything is applied. */
  head: {
    name: "a schema at head",
    prepare: async (place) => {
      await place.migrate("up --yes");
    },
  },
  empty: { name: "an empty database", prepare: async () => undefined },
  golang: {
    name: "a database that golang-migrate brought to 000012",
    prepare: async ({ database }) => {
      await database.query(
        "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO schema_migrations VALUES (12, false)",
      );
    },
  },
  edited: {
    name: "an applied file that was edited",
    prepare: async (place) => {
      await place.migrate("up --yes");
      write(place, {
        "000004_create_thing_4.up.sql": "CREATE TABLE thing_4 (id bigint PRIMARY KEY, note text);\n",
      });
    },
  },
  interrupted: {
    name: "000007 stopped half-way, outside a transaction",
    prepare: async (place) => {
      write(place, {
        "000007_create_thing_7.up.sql":
          "-- migrate: no-transaction\nCREATE TABLE thing_7 ();\nVACUUM nothing;\n",
      });
      await place.migrate("up --yes", 6);
    },
  },
  scratch: {
    name: "another database, to try in",
    prepare: async () => {
      const another = await createTestDatabase();
      return { env: { SCRATCH_URL: another.url }, end: () => another.drop() };
    },
  },
  unconfigured: {
    name: "no database configured",
    prepare: async (place) => {
      only(place, owner);
      return { env: { DATABASE_URL: "" } };
    },
  },
  pending: {
    name: "one of two migrations is applied",
    prepare: async (place) => {
      only(place, owner);
      await place.migrate("up -n 1 --yes");
    },
  },
  unreachable: {
    name: "nobody listens there",
    prepare: async (place) => {
      const port = String(await findFreePort());
      return { env: { ...other(place, (url) => (url.port = port)), WAIT_TIMEOUT: "1s" } };
    },
  },
  locked: {
    name: "somebody holds the lock and does nothing",
    prepare: async (place) => {
      only(place, owner);
      await place.migrate("up -n 1 --yes");
      const { address } = place.database;
      const tables = ledgerTables({ migrationsSchema: "public", migrationsTable: "schema_migrations" });
      const session = await openSession(address, "migrate up", 10_000);
      await session.client.query("SELECT pg_advisory_lock($1)", [
        lockKey(address.database, tables).toString(),
      ]);
      return { env: { MIGRATE_LOCK_WAIT: "1s" }, end: () => closeSession(session) };
    },
  },
  failing: {
    name: "a migration with a mistake",
    prepare: async (place) => {
      only(place, { ...owner, "000002_add_owner.up.sql": "ALTER TABLE server ADD COLUMN owner txt;\n" });
      await place.migrate("up -n 1 --yes");
    },
  },
  changed: {
    name: "an applied file is another one now",
    prepare: async (place) => {
      only(place, owner);
      await place.migrate("up --yes");
      write(place, { "000002_add_owner.up.sql": "ALTER TABLE server ADD COLUMN owner bigint;\n" });
    },
  },
  undecided: {
    name: "an interrupted run that has changed since",
    prepare: async (place) => {
      const begin = "-- migrate: no-transaction\n";
      only(place, {
        ...owner,
        "000002_add_owner.up.sql": `${begin}CREATE TABLE owner (id bigint);\nVACUUM owners;\n`,
      });
      await place.migrate("up --yes", 6);
      write(place, {
        "000002_add_owner.up.sql": `${begin}CREATE TABLE owners (id bigint);\nVACUUM owners;\n`,
      });
    },
  },
  foreign: {
    name: "another tool's table",
    prepare: async (place) => {
      only(place, owner);
      await scenes.golang.prepare(place);
    },
  },
  password: {
    name: "a wrong password",
    prepare: async (place) => ({ env: other(place, (url) => (url.password = "wrong")) }),
  },
  privileges: {
    name: "a role that may only read",
    prepare: async (place) => {
      only(place, owner);
      await place.migrate("up -n 1 --yes");
      const { database } = place;
      const role = `reader_${database.name}`;
      await database.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'reads'; GRANT SELECT ON schema_migrations, schema_migration_runs TO ${role}`,
      );
      return {
        env: other(place, (url) => ([url.username, url.password] = [role, "reads"])),
        end: async () => void (await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)),
      };
    },
  },
  old: {
    name: "an image from before a breaking migration",
    prepare: async (place) => {
      only(place, {
        ...owner,
        "000002_add_owner.up.sql": "-- migrate: breaking\nALTER TABLE server DROP COLUMN name;\n",
      });
      await place.migrate("up --yes");
      for (const direction of ["up", "down"])
        rmSync(join(place.migrations, `000002_add_owner.${direction}.sql`));
    },
  },
  invalid: {
    name: "an index build that failed",
    prepare: async (place) => {
      only(place, owner);
      await place.migrate("up --yes");
      const { database } = place;
      await database.query("INSERT INTO server VALUES (1, 'same'), (2, 'same')");
      await database
        .query("CREATE UNIQUE INDEX CONCURRENTLY server_name_idx ON server (name)")
        .catch(() => undefined); // as intended: it leaves its carcass
    },
  },
  unjudged: {
    name: "nine files, one of which a linter does not like",
    prepare: async (place) => {
      const earlier = Object.entries(teamMigrations()).filter(([name]) => /^00000[2-4]/.test(name));
      only(place, {
        "000001_create_server.up.sql":
          "-- migrate: irreversible without servers there is nothing\nCREATE TABLE server (id bigint PRIMARY KEY);\n",
        ...Object.fromEntries(earlier),
        "000005_add_owner.up.sql":
          "ALTER TABLE server ADD COLUMN owner text;\n\nCREATE INDEX CONCURRENTLY server_owner_idx ON server (owner);\n",
        "000005_add_owner.down.sql": "ALTER TABLE server DROP COLUMN owner;\n",
      });
    },
  },
  /** With the project's own migrations. */
  registry: { name: "a registry without servers", template: "migrated", prepare: async () => undefined },
} as const satisfies Record<string, Scene>;

export type SceneName = keyof typeof scenes;
