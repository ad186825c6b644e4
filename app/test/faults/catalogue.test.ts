import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { compareCatalogues } from "../../migrate/catalogue/compare.ts";
import { readCatalogue, type CatalogueEntry } from "../../migrate/catalogue/read.ts";
import { readData } from "../support/read-data.ts";
import { createTestDatabase, withTestSession, type TestDatabase } from "../support/test-database.ts";

/** One of everything. */
const everything = `
  CREATE SCHEMA "odd Name";
  CREATE EXTENSION IF NOT EXISTS plpgsql;
  CREATE TYPE mood AS ENUM ('calm', 'cross');
  CREATE TYPE pair AS (a int, b text);
  CREATE TYPE span AS RANGE (subtype = float8);
  CREATE DOMAIN positive AS int DEFAULT 1 CHECK (VALUE > 0);
  CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    mood mood DEFAULT 'calm',
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED,
    boss bigint REFERENCES people,
    CONSTRAINT short CHECK (length(name) < 100)
  );
  CREATE TABLE "odd Name"."odd Table" (LIKE people INCLUDING DEFAULTS);
  CREATE TABLE log (at timestamptz NOT NULL) PARTITION BY RANGE (at);
  CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE INDEX log_at ON log (at);
  CREATE UNIQUE INDEX people_name ON people (lower(name)) WHERE boss IS NULL;
  CREATE STATISTICS people_s (ndistinct) ON name, boss FROM people;
  CREATE SEQUENCE numbers OWNED BY people.boss;
  CREATE VIEW calm AS SELECT name FROM people WHERE mood = 'calm';
  CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM people WITH NO DATA;
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
  CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int, initcond = '0');
  CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq);
  CREATE OPERATOR CLASS moods FOR TYPE mood USING hash AS OPERATOR 1 = (anyenum, anyenum), FUNCTION 1 hashenum(anyenum);
  CREATE CAST (mood AS pair) WITH INOUT;
  CREATE COLLATION plain FROM "C";
  CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple);
  CREATE TEXT SEARCH CONFIGURATION search (COPY = english);
  CREATE TRIGGER touching BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
  CREATE RULE quiet AS ON DELETE TO log_2026 DO INSTEAD NOTHING;
  CREATE POLICY own ON people USING (name = current_user);
  CREATE PUBLICATION news FOR TABLE people;
  CREATE FOREIGN DATA WRAPPER far;
  CREATE SERVER away FOREIGN DATA WRAPPER far;
  CREATE USER MAPPING FOR public SERVER away;
  CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
  CREATE EVENT TRIGGER ddl ON ddl_command_end EXECUTE FUNCTION on_ddl();
  COMMENT ON COLUMN people.name IS 'as on the badge';
  GRANT SELECT ON people TO public;
  GRANT UPDATE (mood) ON people TO public;
  ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO public`;

const kinds = [
  "aggregate",
  "cast",
  "collation",
  "column",
  "comment",
  "composite type",
  "constraint",
  "default privilege",
  "domain",
  "enum",
  "event trigger",
  "foreign data wrapper",
  "foreign server",
  "function",
  "index",
  "inheritance",
  "materialized view",
  "operator",
  "operator class",
  "policy",
  "privilege",
  "procedure",
  "publication",
  "range",
  "rule",
  "schema",
  "sequence",
  "sequence of",
  "statistics",
  "table",
  "text search configuration",
  "text search dictionary",
  "trigger",
  "user mapping",
  "view",
];

async function catalogueOf({ address }: TestDatabase): Promise<CatalogueEntry[]> {
  return await withTestSession(address, async ({ client }) => await readCatalogue(client));
}

describe("the catalogue of a database", () => {
  let database: TestDatabase;
  let original: CatalogueEntry[];
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.query(everything);
    original = await catalogueOf(database);
  });
  afterAll(async () => await database.drop());

  it("holds every kind of thing that a schema is made of", () => {
    expect([...new Set(original.map(({ kind }) => kind))]).toEqual(kinds);
  });

  it("is the same for a database that was made the same way", async () => {
    const other = await createTestDatabase();
    try {
      await other.query(`CREATE TABLE shifts_identifiers (); DROP TABLE shifts_identifiers; ${everything}`);
      expect(await catalogueOf(other)).toEqual(original);
    } finally {
      await other.drop();
    }
  });

  it("does not mind the order of columns", async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    try {
      await one.query("CREATE TABLE t (a int NOT NULL, b text DEFAULT 'x')");
      await other.query(
        "CREATE TABLE t (b text DEFAULT 'x', gone int, a int NOT NULL); ALTER TABLE t DROP COLUMN gone",
      );
      expect(await catalogueOf(one)).toEqual(await catalogueOf(other));
    } finally {
      await Promise.all([one.drop(), other.drop()]);
    }
  });

  it.each([
    ["ALTER TYPE mood ADD VALUE 'glad' BEFORE 'cross'", "enum public.mood"],
    ["ALTER TABLE people ALTER mood DROP DEFAULT", "column public.people.mood"],
    ['ALTER TABLE "odd Name"."odd Table" ALTER boss TYPE int', 'column "odd Name"."odd Table".boss'],
    ["ALTER TABLE people ALTER boss SET NOT NULL", "column public.people.boss"],
    [
      "ALTER TABLE people DROP CONSTRAINT short, ADD CONSTRAINT short CHECK (length(name) < 100) NOT VALID",
      "constraint public.people.short",
    ],
    ["ALTER TABLE people DISABLE TRIGGER touching", "trigger public.people.touching"],
    [
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'people_name'::regclass",
      "index public.people_name",
    ],
    [
      "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
      "function public.touch()",
    ],
    ["CREATE OR REPLACE VIEW calm AS SELECT name FROM people", "view public.calm"],
    ["ALTER SEQUENCE numbers INCREMENT 2", "sequence public.numbers"],
    ["ALTER TABLE people ENABLE ROW LEVEL SECURITY", "table public.people"],
    ["GRANT INSERT ON people TO public", "privilege relation public.people"],
    ["COMMENT ON COLUMN people.name IS 'as in the passport'", "comment table column public.people.name"],
    ["ALTER DOMAIN positive SET DEFAULT 2", "domain public.positive"],
    [
      "CREATE OR REPLACE RULE quiet AS ON DELETE TO log_2026 DO INSTEAD SELECT 1",
      "rule public.log_2026.quiet",
    ],
  ])("shows %s", async (change, expected) => {
    await withTestSession(database.address, async ({ client }) => {
      await client.query(`BEGIN; SET LOCAL allow_system_table_mods = on; ${change}`);
      const inside = {
        query: async (text: string) =>
          /^(BEGIN|ROLLBACK)/.test(text) ? { rows: [] } : await client.query(text),
      };
      const { changed } = compareCatalogues(original, await readCatalogue(inside));
      expect(changed.map(({ found }) => `${found.kind} ${found.name}`)).toContain(expected);
      await client.query("ROLLBACK");
    });
  });
});

describe("the data of a database", () => {
  it("is hashed whatever the order of rows and columns, and any other value shows", async () => {
    const database = await createTestDatabase();
    try {
      await database.query(
        "CREATE TABLE a (x int, y text); INSERT INTO a VALUES (1, 'one'), (2, NULL); CREATE TABLE b (y text, x int); INSERT INTO b VALUES (NULL, 2), ('one', 1); CREATE TABLE c AS SELECT x, coalesce(y, '') AS y FROM a",
      );
      const [a, b, c, ...others] = await withTestSession(
        database.address,
        async ({ client }) => await readData(client),
      );
      expect(others).toEqual([]);
      expect({ ...b, table: "" }).toEqual({ ...a, table: "" });
      expect(a).toEqual({ table: "public.a", rows: 2, hash: expect.stringMatching(/^[0-9a-f]{32}$/) });
      expect(c?.hash).not.toBe(a?.hash);
    } finally {
      await database.drop();
    }
  });
});
