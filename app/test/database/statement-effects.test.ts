import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { DatabaseAddress } from "../../config/settings.ts";
import type { Session } from "../../database/session.ts";
import { lockLevels, strongest, type LockLevel } from "../../migrate/plan/lock-levels.ts";
import { readPlannedSchema } from "../../migrate/plan/read-schema.ts";
import { typesIn, wordsIn } from "../../migrate/plan/tree.ts";
import { descendantsOf } from "../../migrate/plan/schema.ts";
import { statementEffects } from "../../migrate/plan/statement-effects.ts";
import { isParseFailure, parseStatements } from "../../migrate/statements.ts";
import { createTestDatabase, withTestSession, type TestDatabase } from "../support/test-database.ts";

const tables = `
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TABLE owners (id int PRIMARY KEY, name text);
  CREATE TABLE items (
    id int PRIMARY KEY, owner int CONSTRAINT items_owner_fkey REFERENCES owners, name varchar(10), note text, price numeric(8,2),
    at timestamp, on_day date, checked int, plain int, CONSTRAINT has_checked CHECK (checked IS NOT NULL AND checked > 0)
  );
  ALTER TABLE items ADD CONSTRAINT later CHECK (plain IS NULL OR plain > 0) NOT VALID;
  CREATE INDEX items_name_idx ON items (name);
  CREATE UNIQUE INDEX items_plain_key ON items (plain);
  CREATE TRIGGER touching BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch();
  CREATE TABLE parts (item int CONSTRAINT parts_item_fkey REFERENCES items, size int);
  CREATE TABLE coded (code varchar(10) PRIMARY KEY, other int);
  CREATE TABLE coding (code varchar(10) REFERENCES coded);
  INSERT INTO coded VALUES ('a', 1);
  INSERT INTO coding VALUES ('a');
  CREATE TABLE loose (owner int REFERENCES owners);
  CREATE TABLE events (id int, day int NOT NULL) PARTITION BY RANGE (day);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (10);
  CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
  CREATE TABLE events_rest PARTITION OF events DEFAULT;
  CREATE TABLE events_3 (id int, day int NOT NULL);
  CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM parts;
  CREATE UNIQUE INDEX counted_n ON counted (n);
  CREATE VIEW named AS SELECT name FROM owners;
  INSERT INTO owners VALUES (1, 'one');
  INSERT INTO items SELECT g, 1, 'n' || g, 'note', 1.5, now(), now(), g, g FROM generate_series(1, 100) g;
  INSERT INTO parts SELECT g, g FROM generate_series(1, 100) g;
  INSERT INTO events SELECT g, g FROM generate_series(1, 30) g;
  INSERT INTO events_3 VALUES (1, 45);
  REFRESH MATERIALIZED VIEW counted`;

/** Statements that can be looked at before their transaction ends; a remark where the comparison leaves something out. */
const statements = [
  "ALTER TABLE items ADD COLUMN a int",
  "ALTER TABLE items ADD COLUMN a timestamptz NOT NULL DEFAULT now()",
  "ALTER TABLE items ADD COLUMN a timestamptz DEFAULT clock_timestamp()",
  "ALTER TABLE items ADD COLUMN a uuid DEFAULT gen_random_uuid()",
  "ALTER TABLE items ADD COLUMN a int GENERATED ALWAYS AS (id * 2) STORED",
  "ALTER TABLE items ADD COLUMN a int GENERATED ALWAYS AS IDENTITY",
  "ALTER TABLE items ADD COLUMN a bigserial",
  "ALTER TABLE items ADD COLUMN a positive",
  "ALTER TABLE items ADD COLUMN a int CHECK (a > 0)",
  "ALTER TABLE items ADD COLUMN a int REFERENCES owners",
  "ALTER TABLE items ADD COLUMN a int DEFAULT 1 REFERENCES owners",
  "ALTER TABLE items ADD COLUMN a int UNIQUE",
  "ALTER TABLE items ADD COLUMN a int[] DEFAULT '{}' NOT NULL",
  "ALTER TABLE items ADD COLUMN a interval(2)",
  "ALTER TABLE items DROP COLUMN note",
  "ALTER TABLE items DROP COLUMN owner",
  "ALTER TABLE items ALTER COLUMN name TYPE varchar(20)",
  "ALTER TABLE items ALTER COLUMN name TYPE varchar(5)",
  "ALTER TABLE items ALTER COLUMN name TYPE text",
  "ALTER TABLE items ALTER COLUMN note TYPE varchar",
  "ALTER TABLE items ALTER COLUMN note TYPE varchar(50)",
  "ALTER TABLE items ALTER COLUMN note TYPE text USING upper(note)",
  "ALTER TABLE items ALTER COLUMN note TYPE varchar USING note::varchar",
  "ALTER TABLE items ALTER COLUMN price TYPE numeric(10,2)",
  "ALTER TABLE items ALTER COLUMN price TYPE numeric(10,3)",
  "ALTER TABLE items ALTER COLUMN price TYPE numeric",
  "ALTER TABLE items ALTER COLUMN plain TYPE bigint",
  "ALTER TABLE items ALTER COLUMN id TYPE bigint",
  "ALTER TABLE items ALTER COLUMN owner TYPE bigint",
  "ALTER TABLE owners ALTER COLUMN id TYPE bigint",
  "ALTER TABLE parts ALTER COLUMN item TYPE bigint",
  "ALTER TABLE coded ALTER COLUMN code TYPE varchar(20)",
  "ALTER TABLE coded ALTER COLUMN code TYPE text",
  "ALTER TABLE coding ALTER COLUMN code TYPE varchar(20)",
  "ALTER TABLE coded ALTER COLUMN other TYPE bigint",
  "ALTER TABLE items ALTER COLUMN at TYPE timestamptz",
  "ALTER TABLE items ALTER COLUMN at TYPE timestamp(6)",
  "ALTER TABLE items ALTER COLUMN on_day TYPE timestamp",
  "ALTER TABLE items ALTER COLUMN note SET NOT NULL",
  "ALTER TABLE items ALTER COLUMN checked SET NOT NULL",
  "ALTER TABLE items ALTER COLUMN id SET NOT NULL",
  "ALTER TABLE items ALTER COLUMN note SET DEFAULT 'x'",
  "ALTER TABLE items ALTER COLUMN note SET STATISTICS 50",
  "ALTER TABLE items ALTER COLUMN note SET STORAGE EXTERNAL",
  "ALTER TABLE items ADD CHECK (plain < 1000)",
  "ALTER TABLE items ADD CHECK (plain < 1000) NOT VALID",
  "ALTER TABLE items VALIDATE CONSTRAINT later",
  "ALTER TABLE items VALIDATE CONSTRAINT has_checked",
  "ALTER TABLE parts ADD CONSTRAINT again FOREIGN KEY (size) REFERENCES items (id)",
  "ALTER TABLE parts ADD CONSTRAINT again FOREIGN KEY (size) REFERENCES items (id) NOT VALID",
  "ALTER TABLE parts DROP CONSTRAINT parts_item_fkey",
  "ALTER TABLE parts ADD PRIMARY KEY (size)",
  "ALTER TABLE parts ADD UNIQUE (size)",
  "ALTER TABLE items ADD CONSTRAINT k UNIQUE USING INDEX items_plain_key",
  "ALTER TABLE items SET (fillfactor = 70)",
  "ALTER TABLE parts SET UNLOGGED, ALTER COLUMN size SET NOT NULL",
  "ALTER TABLE parts SET UNLOGGED",
  "ALTER TABLE items DISABLE TRIGGER touching",
  "ALTER TABLE items ENABLE ROW LEVEL SECURITY",
  "ALTER TABLE items RENAME TO things",
  "ALTER TABLE items RENAME COLUMN note TO remark",
  "ALTER INDEX items_name_idx RENAME TO other_idx",
  "ALTER TABLE items SET SCHEMA information_schema",
  "ALTER TABLE events ADD COLUMN a int",
  "ALTER TABLE events ATTACH PARTITION events_3 FOR VALUES FROM (40) TO (50)",
  "ALTER TABLE events DETACH PARTITION events_1",
  "CREATE TABLE events_4 PARTITION OF events FOR VALUES FROM (40) TO (50)",
  "CREATE TABLE more (id int PRIMARY KEY, item int REFERENCES items)",
  "CREATE SCHEMA inner_one CREATE TABLE inside (item int REFERENCES public.items)",
  "CREATE FUNCTION typed(x items.note%TYPE) RETURNS int LANGUAGE sql AS 'SELECT 1'",
  "CREATE TABLE copy AS SELECT * FROM parts",
  "CREATE INDEX ON items (note)",
  "CREATE INDEX IF NOT EXISTS items_name_idx ON items (name)",
  "CREATE INDEX ON events (id)",
  "DROP INDEX items_name_idx",
  "REINDEX TABLE items",
  "REINDEX INDEX items_name_idx",
  "CREATE TRIGGER more BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch()",
  "DROP TRIGGER touching ON items",
  "CREATE POLICY p ON items",
  "CREATE RULE r AS ON DELETE TO parts DO INSTEAD NOTHING",
  "CREATE STATISTICS s ON owner, plain FROM items",
  "CREATE VIEW seen AS SELECT id FROM items",
  "CREATE OR REPLACE VIEW named AS SELECT name FROM owners",
  "COMMENT ON TABLE items IS 'x'",
  "COMMENT ON COLUMN items.note IS 'x'",
  "COMMENT ON TRIGGER touching ON items IS 'x'",
  "GRANT SELECT ON items TO PUBLIC",
  "DROP TABLE loose",
  "DROP VIEW named",
  "TRUNCATE parts",
  "TRUNCATE owners CASCADE",
  "LOCK TABLE items IN SHARE MODE",
  "CLUSTER items USING items_name_idx",
  "REFRESH MATERIALIZED VIEW counted",
  "REFRESH MATERIALIZED VIEW CONCURRENTLY counted",
  "ANALYZE items",
  "INSERT INTO parts VALUES (1, 1)",
  "UPDATE parts SET size = 2",
  "DELETE FROM parts WHERE size = 2",
  "WITH gone AS (DELETE FROM parts RETURNING *) INSERT INTO events SELECT size, size FROM gone",
  "MERGE INTO parts USING owners ON true WHEN MATCHED THEN UPDATE SET size = 1",
  "SELECT * FROM items FOR UPDATE",
];

interface Seen {
  readonly lock: LockLevel;
  readonly rewrites: boolean;
  readonly scans: boolean;
}

/** By name. */
type Picture = Readonly<Record<string, Seen>>;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.query(tables);
  await database.query("ANALYZE");
});
afterAll(async () => {
  await database.drop();
});

/** What the plan says of tables that are there; partitions are told with their parent. */
async function planned(session: Session, text: string): Promise<Picture> {
  const parsed = await parseStatements(text);
  if (isParseFailure(parsed)) throw new Error(parsed.message);
  const [words, types] = [new Set<string>(), new Set<string>()];
  wordsIn(parsed, words);
  typesIn(parsed, types);
  const schema = await readPlannedSchema(session, [...words], [...types]);
  const effects = statementEffects(schema, parsed[0]!.tree);
  expect([...effects.undecided]).toEqual([]);
  return Object.fromEntries(
    [...effects.touches.values()]
      .filter(({ relation }) => relation?.isNew === false)
      .flatMap((found) => [
        ...(found.partitions > 0
          ? descendantsOf(found.relation!).map(({ name }) => ({ ...found, name }))
          : []),
        found,
      ])
      .map(({ name, lock, rewrites, scans }) => [name.replace("public.", ""), { lock, rewrites, scans }]),
  );
}

interface ServerRow {
  readonly oid: string;
  readonly table: string;
  readonly file: string;
  readonly scans: number;
}

const relations = `
  SELECT c.oid::text AS oid, c.relname AS table, c.relfilenode::text AS file, pg_stat_get_xact_numscans(c.oid)::int AS scans
    FROM pg_class c`;
const ours = `${relations} WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm', 'v', 'i')`;

/** What the server does: locks it holds afterwards, files it has changed, tables it has read from the beginning. */
async function observed({ client }: Session, text: string): Promise<Picture> {
  await client.query("BEGIN");
  try {
    const { rows: before } = await client.query<ServerRow>(ours);
    await client.query(text);
    const { rows: after } = await client.query<ServerRow>(`${relations} WHERE c.oid = ANY ($1::oid[])`, [
      before.map(({ oid }) => oid),
    ]);
    // What is dropped is no row of the catalogue any more, and its lock is still there.
    const { rows: locks } = await client.query<{ oid: string; mode: string }>(
      "SELECT relation::text AS oid, mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation IS NOT NULL",
    );
    const picture: Record<string, Seen> = {};
    for (const { oid, table, file, scans } of before) {
      const modes = locks.filter((lock) => lock.oid === oid).map(({ mode }) => levelOf(mode));
      if (modes.length === 0) continue;
      const now = after.find((row) => row.oid === oid);
      picture[table] = {
        lock: modes.reduce(strongest),
        rewrites: now !== undefined && now.file !== file,
        scans: now !== undefined && now.scans > scans,
      };
    }
    return picture;
  } finally {
    await client.query("ROLLBACK");
  }
}

/** `ShareRowExclusiveLock`: SHARE ROW EXCLUSIVE. */
function levelOf(mode: string): LockLevel {
  const words = mode
    .replace(/Lock$/, "")
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toUpperCase();
  return lockLevels.find((level) => level === words)!;
}

/** What both can be held to. */
function comparable(text: string, picture: Picture, other: Picture): Record<string, Partial<Seen>> {
  return Object.fromEntries(
    Object.entries(picture)
      // What is only read in passing is no claim of the plan, and of an index it names the table.
      .filter(
        ([table, { lock }]) =>
          table in other ||
          (!/_(?:idx|pkey|key|n)$/.test(table) && !["ACCESS SHARE", "ROW SHARE"].includes(lock)),
      )
      .map(([table, { lock, rewrites, scans }]) => [
        table,
        {
          lock,
          // TRUNCATE gives the table an empty file, which is no work.
          ...(text.startsWith("TRUNCATE") ? {} : { rewrites }),
          // How a query finds its rows is its own affair, a partitioned table has none, and the plan counts each rewrite as a scan.
          ...(/^(?:SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|CREATE TABLE copy|ANALYZE|TRUNCATE)/.test(text) ||
          table === "events"
            ? {}
            : { scans: scans || rewrites }),
        },
      ]),
  );
}

/** As after `ALTER ROLE … SET timezone`: the zone that each session of it begins with. */
function inZone(zone: string): DatabaseAddress {
  return { ...database.address, options: `-c timezone=${zone}` };
}

describe("what plan says of a statement", () => {
  it.each(statements)("%s", async (text) => {
    await withTestSession(inZone("Europe/Berlin"), async (session) => {
      const [plan, server] = [await planned(session, text), await observed(session, text)];
      expect(comparable(text, plan, server)).toEqual(comparable(text, server, plan));
    });
  });

  it.each([
    "CREATE TABLE fresh AS SELECT * FROM parts",
    "SELECT * INTO fresh FROM parts",
    "CREATE TABLE public.fresh AS TABLE parts",
    "CREATE TABLE fresh AS SELECT * FROM parts UNION SELECT * FROM parts",
    "CREATE TABLE fresh (item, size) AS EXECUTE chosen",
    "SELECT item, size INTO fresh FROM parts UNION SELECT * FROM parts",
    "WITH x AS (SELECT * FROM parts) SELECT * INTO fresh FROM x",
    "CREATE UNLOGGED TABLE fresh AS VALUES (1, 2)",
    "CREATE TABLE fresh (LIKE parts)",
  ])("%s: what it makes is new", async (text) => {
    await withTestSession(inZone("UTC"), async (session) => {
      for (const later of [
        "ALTER TABLE fresh ADD COLUMN x uuid DEFAULT gen_random_uuid()",
        "UPDATE fresh SET size = 1",
      ]) {
        const parsed = await parseStatements(`${text}; ${later}`);
        if (isParseFailure(parsed)) throw new Error(parsed.message);
        const words = new Set<string>();
        wordsIn(parsed, words);
        const schema = await readPlannedSchema(session, [...words], []);
        const [made, used] = parsed.map(({ tree }) => statementEffects(schema, tree));
        const touched = [...made!.touches.values(), ...used!.touches.values()].filter(({ name }) =>
          name.endsWith("fresh"),
        );
        expect(
          touched.map(({ relation, rewrites, readersWait }) => [relation?.isNew, rewrites, readersWait]),
        ).toEqual([[true, false, false]]);
      }
    });
  });

  it("a time stamp that gets a zone, where the session's is UTC", async () => {
    const text = "ALTER TABLE items ALTER COLUMN at TYPE timestamptz";
    await withTestSession(inZone("UTC"), async (session) => {
      const [plan, server] = [await planned(session, text), await observed(session, text)];
      expect(plan).toEqual({ items: { lock: "ACCESS EXCLUSIVE", rewrites: false, scans: false } });
      expect(comparable(text, plan, server)).toEqual(comparable(text, server, plan));
    });
  });

  it.each([
    [
      "CREATE INDEX CONCURRENTLY i ON items (note)",
      { items: { lock: "SHARE UPDATE EXCLUSIVE", rewrites: false, scans: true } },
    ],
    [
      "DROP INDEX CONCURRENTLY items_name_idx",
      { items: { lock: "SHARE UPDATE EXCLUSIVE", rewrites: false, scans: false } },
    ],
    ["VACUUM items", { items: { lock: "SHARE UPDATE EXCLUSIVE", rewrites: false, scans: false } }],
    ["VACUUM FULL items", { items: { lock: "ACCESS EXCLUSIVE", rewrites: true, scans: true } }],
    [
      "REINDEX TABLE CONCURRENTLY items",
      { items: { lock: "SHARE UPDATE EXCLUSIVE", rewrites: false, scans: true } },
    ],
  ])("%s, which leaves no locks to look at", async (text, expected) => {
    await withTestSession(database.address, async (session) => {
      expect(await planned(session, text)).toEqual(expected);
    });
  });
});
