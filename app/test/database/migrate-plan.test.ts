import { describe, expect, it } from "@jest/globals";
import { maintain, withTestSession } from "../support/test-database.ts";
import type { Scene } from "./hostile/hostile-case.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";

const quiet = { LOG_LEVEL: "silent" };

const first = {
  "000001_shop.up.sql":
    "CREATE TABLE customers (id int PRIMARY KEY, email varchar(50));\nCREATE TABLE orders (id int PRIMARY KEY, customer int, total int);",
  "000001_shop.down.sql": "DROP TABLE orders, customers;",
};

const pending = {
  "000002_link.up.sql": `-- migrate: lock-timeout=1s
ALTER TABLE orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES customers (id);
CREATE TABLE notes (id int PRIMARY KEY, "order" int REFERENCES orders (id));
CREATE INDEX notes_order_idx ON notes ("order");`,
  "000003_index.up.sql":
    "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY orders_total_idx ON orders (total);",
  "000003_index.down.sql": "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY orders_total_idx;",
  "000004_wider.up.sql": `-- migrate: breaking
-- migrate: irreversible the old values are gone
ALTER TABLE customers ALTER COLUMN email TYPE text;
ALTER TABLE orders ALTER COLUMN total TYPE bigint;
ALTER TABLE orders RENAME TO purchases;
ALTER TABLE purchases ADD COLUMN note text;
DO $$ BEGIN EXECUTE 'DROP TABLE notes'; END $$;`,
  "000005_code.js": "export const up = (pgm) => { pgm.sql('SELECT 1'); };",
  "000006_later.up.sql": "-- migrate: deferred\nUPDATE customers SET email = lower(email);",
};

async function withShop(work: (scene: Scene) => Promise<void>): Promise<void> {
  await withScene(async (scene) => {
    writeFiles(scene.folder, first);
    await migrate(scene);
    await scene.database.query(
      "INSERT INTO customers SELECT g, 'c' || g FROM generate_series(1, 500) g; INSERT INTO orders SELECT g, g, g FROM generate_series(1, 500) g; ANALYZE customers, orders",
    );
    writeFiles(scene.folder, pending);
    await work(scene);
  });
}

/** How many pages a table has is the server's affair. */
function withoutSizes(output: string): string {
  return output.replaceAll(/\d+ kB/g, "8 kB");
}

describe("migrate plan", () => {
  it("tells per migration which tables are locked how, what is read and written, and who waits", async () => {
    await withShop(async (scene) => {
      const { code, document } = await ask(scene, "plan");
      expect(code).toBe(0);
      const orders = { table: "public.orders", state: "existing", rows: 500, partitions: 0 };
      const customers = { ...orders, table: "public.customers" };
      expect(document).toMatchObject({
        migrations: [
          {
            version: "000002",
            name: "000002_link",
            file: "000002_link.up.sql",
            down: "missing",
            directives: { noTransaction: false, lockTimeoutMs: 1000 },
            tables: [
              {
                ...orders,
                lock: "SHARE ROW EXCLUSIVE",
                scans: true,
                rewrites: false,
                readersWait: false,
                writersWait: true,
              },
              { ...customers, lock: "SHARE ROW EXCLUSIVE", scans: true, writersWait: true },
              { table: "public.notes", state: "new", lock: "SHARE", scans: false, writersWait: false },
            ],
            statements: [
              { line: 2 },
              { line: 3 },
              { line: 4, text: 'CREATE INDEX notes_order_idx ON notes ("order")' },
            ],
            readersWait: false,
            writersWait: true,
            undecided: [],
          },
          {
            name: "000003_index",
            down: "reverts",
            directives: { noTransaction: true },
            tables: [
              {
                ...orders,
                lock: "SHARE UPDATE EXCLUSIVE",
                scans: true,
                readersWait: false,
                writersWait: false,
              },
            ],
          },
          {
            name: "000004_wider",
            down: "irreversible",
            directives: { breaking: true, irreversible: "the old values are gone" },
            tables: [
              { ...customers, lock: "ACCESS EXCLUSIVE", scans: false, rewrites: false, readersWait: true },
              { ...orders, lock: "ACCESS EXCLUSIVE", scans: true, rewrites: true, readersWait: true },
            ],
            undecided: ["what a DO block does is decided when it runs"],
          },
          {
            name: "000005_code",
            kind: "code",
            tables: [],
            undecided: ["what TypeScript or JavaScript does is decided when it runs"],
          },
        ],
        deferred: ["000006_later"],
        total: {
          migrations: 4,
          readersWait: ["public.customers", "public.orders"],
          writersWait: ["public.orders", "public.customers"],
          undecided: ["000004_wider", "000005_code"],
          findings: { error: 0 },
        },
      });
      const [size] = await scene.database.query("SELECT pg_total_relation_size('orders')::int AS bytes");
      expect((document["total"] as { rewrittenBytes: number }).rewrittenBytes).toBe(size!["bytes"]);
    });
  });

  it("is read by people as a table for each migration and a sum", async () => {
    await withShop(async (scene) => {
      const { output } = await migrate(scene, ["plan", "--to", "2"], quiet);
      expect(withoutSizes(output)).toBe(
        [
          "000002_link (one transaction, lock-timeout 1.0 s)",
          "  TABLE             LOCK                 ROWS   SIZE   WORK        WHO WAITS",
          "  public.orders     SHARE ROW EXCLUSIVE  ≈ 500  8 kB  read whole  writers",
          "  public.customers  SHARE ROW EXCLUSIVE  ≈ 500  8 kB  read whole  writers",
          "  public.notes      SHARE                new",
          "  ! line 1: warning: 000002_link has no down, and does not say why. [missing-down]",
          "  ! line 2: warning: Adding a foreign key constraint requires a table scan and a `SHARE ROW EXCLUSIVE` lock on both tables, which blocks writes to each table. [adding-foreign-key-constraint]",
          "",
          "Plan: 1 migration to apply.",
          "  readers wait for   nothing",
          "  writers wait for   public.orders, public.customers",
          "  read whole         8 kB",
          "  rewritten          0 bytes",
          "  lint               0 errors, 2 warnings, 3 notes",
          "",
        ].join("\n"),
      );
      expect((await migrate(scene, ["plan"], quiet)).output).toContain(
        "  ! line 7: what a DO block does is decided when it runs\n",
      );
      expect(withoutSizes((await migrate(scene, ["plan", "--deferred"], quiet)).output)).toContain(
        "public.customers  ROW EXCLUSIVE  ≈ 500  8 kB  read whole\n",
      );
    });
  });

  it("changes nothing, and is content with a role that may only read the ledger", async () => {
    await withShop(async (scene) => {
      const role = `reader_${scene.database.name}`;
      await maintain((query) => query(`CREATE ROLE ${role} LOGIN PASSWORD 'reads'`));
      try {
        await scene.database.query(
          `GRANT SELECT ON schema_migrations, schema_migration_runs TO ${role}; ALTER ROLE ${role} SET default_transaction_read_only = on`,
        );
        const url = new URL(scene.database.url);
        [url.username, url.password] = [role, "reads"];
        const asReader = { folder: scene.folder, database: { url: url.href } };
        const { code, document } = await ask(asReader, "plan");
        expect({ code, document }).toMatchObject({ code: 0, document: { total: { migrations: 4 } } });
        expect(await ask(asReader, "plan")).toEqual(await ask(scene, "plan"));
        expect((await ask(asReader, "sql", "--to", "2")).code).toBe(0);
      } finally {
        await scene.database.query(`DROP OWNED BY ${role}`);
        await maintain((query) => query(`DROP ROLE ${role}`));
      }
    });
  });

  it("does not wait for a table that somebody holds; its size is estimated then", async () => {
    await withShop(async (scene) => {
      await withTestSession(scene.database.address, async ({ client }) => {
        await client.query("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
        const { document } = await ask(scene, "plan", "--to", "2");
        expect(document).toMatchObject({
          migrations: [
            { tables: [{ table: "public.orders", rows: 500, bytes: expect.any(Number) }, {}, {}] },
          ],
        });
        await client.query("ROLLBACK");
      });
    });
  });

  it("exits with 0, or 3 with --exit-code when something is pending, 7 and 9 as up does", async () => {
    await withShop(async (scene) => {
      expect((await migrate(scene, ["plan"], quiet)).code).toBe(0);
      expect((await migrate(scene, ["plan", "--exit-code"], quiet)).code).toBe(3);
      expect(await migrate(scene, ["plan", "--to", "99"], quiet)).toMatchObject({ code: 2 });
      await migrate(scene);
      expect(await migrate(scene, ["plan", "--exit-code"], quiet)).toEqual({
        code: 0,
        output: "Nothing is pending.\n1 deferred migration left out: 000006_later.\n",
      });
      await withScene(async (older) => {
        writeFiles(older.folder, first);
        expect(await migrate({ folder: older.folder, database: scene.database }, ["plan"])).toMatchObject({
          code: 9,
        });
      });
      writeFiles(scene.folder, { "000001_shop.up.sql": "SELECT 'edited';" });
      expect(await migrate(scene, ["plan"])).toMatchObject({
        code: 7,
        output: expect.stringContaining("000001_shop changed after it was applied"),
      });
    });
  });

  it("follows the schema through the plan: what an earlier statement proved is not looked at again", async () => {
    await withShop(async (scene) => {
      const steps = [
        "ALTER TABLE orders ADD CONSTRAINT has_total CHECK (total IS NOT NULL) NOT VALID",
        "ALTER TABLE orders ALTER COLUMN customer SET NOT NULL",
        "ALTER TABLE orders VALIDATE CONSTRAINT has_total",
        "ALTER TABLE orders ALTER COLUMN total SET NOT NULL",
        "ALTER TABLE orders RENAME COLUMN total TO sum",
        "ALTER TABLE orders ADD PRIMARY KEY (sum)",
        "CREATE UNIQUE INDEX by_sum ON orders (sum)",
        "ALTER TABLE orders ADD CONSTRAINT one UNIQUE USING INDEX by_sum",
      ];
      writeFiles(scene.folder, { "000002_link.up.sql": steps.join(";\n") });
      const { migrations } = (await ask(scene, "plan", "--to", "2")).document as {
        migrations: { statements: { tables: { lock: string; scans: boolean }[] }[] }[];
      };
      expect(migrations[0]!.statements.map(({ tables: [table] }) => [table!.lock, table!.scans])).toEqual([
        ["ACCESS EXCLUSIVE", false],
        ["ACCESS EXCLUSIVE", true],
        ["SHARE UPDATE EXCLUSIVE", true],
        ["ACCESS EXCLUSIVE", false],
        ["ACCESS EXCLUSIVE", false],
        ["ACCESS EXCLUSIVE", true],
        ["SHARE", true],
        ["ACCESS EXCLUSIVE", false],
      ]);
    });
  });

  it("goes on where an interrupted migration stopped", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_steps.up.sql":
          "-- migrate: no-transaction\nCREATE TABLE one (id int);\nALTER TABLE nowhere ADD a int;\nDROP TABLE one;",
      });
      await migrate(scene);
      const { document } = await ask(scene, "plan");
      expect(document).toMatchObject({
        migrations: [
          {
            resumesAt: 2,
            tables: [
              { table: "nowhere", state: "unknown" },
              { table: "public.one", state: "existing" },
            ],
          },
        ],
      });
    });
  });

  it("shows what lint says of what would run, and of nothing else", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        "000001_create_shop.up.sql":
          "CREATE TABLE shop (id bigint PRIMARY KEY);\nALTER TABLE shop RENAME TO store;",
        "000001_create_shop.down.sql": "DROP TABLE store;",
        "000002_require_name.up.sql": "-- New shops have one.\nALTER TABLE store RENAME COLUMN id TO number;",
        "000002_require_name.down.sql": "ALTER TABLE store RENAME COLUMN number TO id;",
        "000003_add_note.up.sql": "ALTER TABLE store ADD COLUMN note text;",
        "000003_add_note.down.sql": "ALTER TABLE store DROP COLUMN note;",
      });
      await migrate(scene, ["up", "--yes", "-n", "1"]);
      const { code, document } = await ask(scene, "plan");
      expect({ code, document }).toMatchObject({
        code: 0,
        document: {
          migrations: [
            {
              name: "000002_require_name",
              findings: [
                {
                  file: expect.stringMatching(/000002_require_name\.up\.sql$/),
                  direction: "up",
                  line: 2,
                  column: 19,
                  rule: "renaming-column",
                  severity: "warning",
                  message: "Renaming a column may break existing clients.",
                  help: null,
                  excerpt: [
                    "  2 | ALTER TABLE store RENAME COLUMN id TO number;",
                    "    |                   ^",
                  ],
                },
              ],
            },
            { name: "000003_add_note", findings: [] },
          ],
          total: { findings: { error: 0, warning: 1, note: 0 } },
        },
      });
      const { output } = await migrate(scene, ["plan"], quiet);
      expect(output).toContain(
        "\n  ! line 2: warning: Renaming a column may break existing clients. [renaming-column]\n",
      );
      expect(output).toContain("  lint               0 errors, 1 warning, 0 notes\n");
    });
  });
});
