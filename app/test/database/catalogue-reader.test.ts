import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createCatalogueReader, type CatalogueReader } from "../../migrate/catalogue/reader.ts";
import { columnOrder, notNullName } from "../../migrate/catalogue/note-queries.ts";
import { readCatalogue, type CatalogueEntry } from "../../migrate/catalogue/read.ts";
import { closeSession, openSession, type Session } from "../../database/session.ts";
import { createTestDatabase, withTestSession, type TestDatabase } from "../support/test-database.ts";

/** One after the other, each on what the ones before left. */
const changes = [
  "CREATE TABLE people (id bigserial PRIMARY KEY, name text NOT NULL DEFAULT 'x', boss bigint REFERENCES people)",
  "CREATE VIEW names AS SELECT id, name FROM people; CREATE RULE quiet AS ON DELETE TO people DO INSTEAD SELECT 1",
  "CREATE FUNCTION f(p people) RETURNS text LANGUAGE sql AS 'SELECT 1::text'; CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
  "CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION g()",
  "ALTER TABLE people DROP CONSTRAINT people_boss_fkey",
  "ALTER TABLE people ALTER name DROP DEFAULT",
  "ALTER TABLE people RENAME name TO full_name",
  "CREATE INDEX people_name ON people (lower(full_name)); COMMENT ON INDEX people_name IS 'fast'; COMMENT ON COLUMN people.id IS 'number'",
  "ALTER INDEX people_name ALTER COLUMN 1 SET STATISTICS 7",
  "COMMENT ON INDEX people_name IS NULL",
  "ALTER TABLE people RENAME TO persons",
  "CREATE SCHEMA apart; ALTER TABLE persons SET SCHEMA apart",
  "ALTER SCHEMA apart RENAME TO elsewhere; GRANT SELECT (full_name) ON elsewhere.persons TO public",
  "ALTER SEQUENCE elsewhere.people_id_seq OWNED BY NONE",
  "CREATE TYPE mood AS ENUM ('calm'); ALTER TABLE elsewhere.persons ADD mood mood NOT NULL DEFAULT 'calm'",
  "ALTER TYPE mood RENAME TO temper; ALTER TYPE temper ADD VALUE 'cross'",
  "ALTER TYPE temper RENAME VALUE 'calm' TO 'quiet'",
  "CREATE COLLATION de (provider = libc, locale = 'C'); CREATE TABLE told (a text COLLATE de)",
  "ALTER COLLATION de RENAME TO german",
  "CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple); CREATE INDEX told_a ON told USING gin (to_tsvector('plain', a))",
  "ALTER TEXT SEARCH CONFIGURATION plain RENAME TO fancy",
  "ALTER VIEW names RENAME TO called; ALTER FUNCTION f(elsewhere.persons) RENAME TO h",
  "CREATE TABLE log (at date) PARTITION BY RANGE (at); CREATE TABLE log_1 (at date); ALTER TABLE log ATTACH PARTITION log_1 DEFAULT",
  "ALTER TABLE log DETACH PARTITION log_1; ALTER TABLE log_1 ALTER at SET NOT NULL, SET (fillfactor = 50)",
  "ALTER TABLE elsewhere.persons ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON elsewhere.persons USING (true)",
  "ALTER POLICY own ON elsewhere.persons USING (full_name = 'x')",
  "DROP POLICY own ON elsewhere.persons; DROP TRIGGER t ON elsewhere.persons; DROP FUNCTION g()",
  "CREATE TABLE heir () INHERITS (log_1); ALTER TABLE heir NO INHERIT log_1",
  "REVOKE ALL ON FUNCTION h FROM public; ALTER TABLE elsewhere.persons DROP boss, ADD boss int",
  "DROP SCHEMA elsewhere CASCADE; DROP TABLE log",
];

describe("the catalogue reader", () => {
  let database: TestDatabase;
  let session: Session;
  let reader: CatalogueReader;
  beforeAll(async () => {
    database = await createTestDatabase();
    session = await openSession(database.address, "test", 10_000);
    reader = await createCatalogueReader(session);
  });
  afterAll(async () => {
    await closeSession(session);
    await database.drop();
  });

  it.each(changes)("sees what a whole read sees, after: %s", async (change) => {
    await reader.read();
    await database.query(change);
    const found = await reader.read();
    const whole = await withTestSession(database.address, async ({ client }) => await readCatalogue(client));
    expect(sorted(found.filter(({ kind }) => kind !== columnOrder && kind !== notNullName))).toEqual(
      sorted(whole),
    );
  });

  it("tells the order of columns, and the names that PostgreSQL 18 gives to NOT NULL", async () => {
    await database.query(
      "CREATE TABLE ordered (b int, gone int, a int NOT NULL); ALTER TABLE ordered DROP gone",
    );
    const notes = (await reader.read()).filter(({ name }) => name.startsWith("public.ordered"));
    expect(notes).toContainEqual({ kind: columnOrder, name: "public.ordered", definition: '["b", "a"]' });
    const version = await database.query("SELECT current_setting('server_version_num')::int AS number");
    const names = notes.filter(({ kind }) => kind === notNullName);
    expect(names).toEqual(
      (version[0]!["number"] as number) < 180_000
        ? []
        : [{ kind: notNullName, name: "public.ordered.a", definition: "ordered_a_not_null" }],
    );
  });
});

function sorted(entries: readonly CatalogueEntry[]): string[] {
  return entries.map(({ kind, name, definition }) => `${kind} ${name}: ${definition}`).toSorted();
}
