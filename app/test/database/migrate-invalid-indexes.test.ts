import { describe, expect, it } from "@jest/globals";
import { startProgram } from "../support/run-program.ts";
import { withTestSession } from "../support/test-database.ts";
import { waitForCondition } from "../support/wait-for-condition.ts";
import type { Scene } from "./hostile/hostile-case.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";

const files = {
  "000001_orders.up.sql":
    "CREATE TABLE orders (id int, note text); INSERT INTO orders VALUES (1, 'a'), (1, 'b');",
  "000001_orders.down.sql": "DROP TABLE orders;",
};

const quiet = { LOG_LEVEL: "silent" };

/** A unique index over values that are not: the build fails and leaves its carcass, as an interrupted one does. */
async function leaveCarcass({ database }: Scene, name = "orders_id"): Promise<void> {
  await expect(
    database.query(`CREATE UNIQUE INDEX CONCURRENTLY ${name} ON orders (id)`),
  ).rejects.toMatchObject({ code: "23505" });
}

async function indexes({ database }: Scene): Promise<unknown[]> {
  const rows = await database.query(
    "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'orders'::regclass ORDER BY 1",
  );
  return rows.map(({ relname, indisvalid }) => [relname, indisvalid]);
}

describe("an invalid index", () => {
  it("is shown by status, which ends with 0 all the same, and dropped and recorded by repair", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await migrate(scene, ["up", "--yes"]);
      await scene.database.query("CREATE INDEX orders_note ON orders (note)");
      await leaveCarcass(scene);
      expect(await ask(scene, "status")).toMatchObject({
        code: 0,
        document: {
          invalidIndexes: [
            {
              name: "public.orders_id",
              table: "public.orders",
              builtBy: null,
              isRequired: false,
              migration: null,
            },
          ],
        },
      });
      expect((await migrate(scene, ["status"], quiet)).output).toMatch(
        /^The index public\.orders_id on public\.orders \(\d+ \w+\) is invalid: its build was interrupted or failed\. `migrate repair` drops it\.$/m,
      );
      // Shown first; without a yes nothing is done.
      expect(await migrate(scene, ["repair"])).toMatchObject({
        code: 2,
        output: expect.stringMatching(
          /public\.orders_id on public\.orders \(\d+ bytes\): drop this invalid index/,
        ),
      });
      expect(await indexes(scene)).toEqual([
        ["orders_id", false],
        ["orders_note", true],
      ]);
      expect((await ask(scene, "repair", "--yes")).document).toMatchObject({
        outcome: "repaired",
        actions: [{ kind: "drop-index", name: "public.orders_id" }],
      });
      expect(await indexes(scene)).toEqual([["orders_note", true]]);
      expect((await ask(scene, "history", "-n", "1", "--texts")).document).toMatchObject({
        runs: [
          {
            name: "index public.orders_id",
            version: "",
            direction: "repair",
            state: "reverted",
            upText: "DROP INDEX CONCURRENTLY IF EXISTS public.orders_id",
          },
        ],
      });
      expect((await migrate(scene, ["history", "-n", "1"], quiet)).output).toMatch(
        /repair +index public\.orders_id +dropped/,
      );
      expect(await ask(scene, "check")).toMatchObject({ code: 0 });
      expect(await migrate(scene, ["repair"], quiet)).toEqual({ code: 0, output: "Nothing needs repair.\n" });
    });
  });

  it("is dropped alone when repair is told its name, and not when it is told a migration's", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await migrate(scene, ["up", "--yes"]);
      await leaveCarcass(scene);
      await leaveCarcass(scene, '"Orders; id"');
      expect(await migrate(scene, ["repair", "1", "--yes"])).toMatchObject({ code: 2 });
      expect(await ask(scene, "repair", 'public."Orders; id"', "--yes")).toMatchObject({ code: 0 });
      expect(await indexes(scene)).toEqual([["orders_id", false]]);
    });
  });

  it("is named with the migration that was killed while it built it, which builds it again", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, {
        ...files,
        "000002_index.up.sql":
          "-- migrate: no-transaction\nSELECT 1;\nCREATE INDEX CONCURRENTLY orders_note ON orders (note);",
      });
      await migrate(scene, ["up", "--yes", "-n", "1"]);
      const invalid = async (): Promise<Record<string, unknown> | undefined> => {
        const { document } = await ask(scene, "status");
        return (document["invalidIndexes"] as Record<string, unknown>[])[0];
      };
      await withTestSession(scene.database.address, async (writer) => {
        await writer.client.query("BEGIN; INSERT INTO orders VALUES (2, 'c')");
        const up = startProgram("migrate", {
          args: ["up", "--yes"],
          env: { DATABASE_URL: scene.database.url, MIGRATIONS_DIR: scene.folder },
        });
        const building = await waitForCondition("the index to be built", invalid);
        expect(building).toMatchObject({ builtBy: expect.any(Number), migration: "000002_index" });
        up.kill("SIGKILL");
        await up.ended;
        const left = await waitForCondition("the server to notice", async () => {
          const index = await invalid();
          return index?.["builtBy"] === null && index;
        });
        expect(left).toMatchObject({ name: "public.orders_note", migration: "000002_index" });
        await writer.client.query("COMMIT");
      });
      expect((await ask(scene, "status")).document).toMatchObject({
        unfinished: [{ name: "000002_index", statementsDone: 1, statementsTotal: 2, state: "interrupted" }],
      });
      expect((await migrate(scene, ["status"], quiet)).output).toContain(
        "is invalid: 000002_index was interrupted or failed while it built it.",
      );
      // Dropped or not, the next run begins that statement again.
      expect((await migrate(scene, ["repair", "--yes"])).code).toBe(0);
      expect(await indexes(scene)).toEqual([]);
      expect((await migrate(scene, ["up", "--yes"])).code).toBe(0);
      expect(await indexes(scene)).toEqual([["orders_note", true]]);
    });
  });

  it("is left by a REINDEX, too", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await migrate(scene, ["up", "--yes"]);
      await leaveCarcass(scene);
      await expect(scene.database.query("REINDEX INDEX CONCURRENTLY orders_id")).rejects.toMatchObject({
        code: "23505",
      });
      expect(await indexes(scene)).toEqual([
        ["orders_id", false],
        ["orders_id_ccnew", false],
      ]);
      expect((await ask(scene, "repair", "--yes")).document).toMatchObject({
        actions: [{ name: "public.orders_id" }, { name: "public.orders_id_ccnew" }],
      });
      expect(await indexes(scene)).toEqual([]);
    });
  });

  it("is left alone while somebody builds it, also for a role that may not see who; status says so", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await migrate(scene, ["up", "--yes"]);
      const role = `looks_${scene.database.name}`;
      await scene.database.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'looks'; GRANT SELECT ON schema_migrations, schema_migration_runs TO ${role}`,
      );
      try {
        await withTestSession(scene.database.address, async (writer) => {
          // An open transaction that has written to the table: the build waits for its end.
          await writer.client.query("BEGIN; INSERT INTO orders VALUES (2, 'c')");
          await withTestSession(scene.database.address, async (builder) => {
            const building = builder.client.query("CREATE INDEX CONCURRENTLY orders_note ON orders (note)");
            await waitForCondition("the index to be there and invalid", async () => {
              const found = await indexes(scene);
              return found.length === 1;
            });
            const url = new URL(scene.database.url);
            [url.username, url.password] = [role, "looks"];
            for (const database of [scene.database, { url: url.href }]) {
              const { document } = await ask({ folder: scene.folder, database }, "status");
              expect(document).toMatchObject({
                invalidIndexes: [{ name: "public.orders_note", builtBy: builder.backendPid }],
              });
            }
            expect((await migrate(scene, ["status"], quiet)).output).toContain(
              `is being built by pid ${builder.backendPid}.`,
            );
            expect(await migrate(scene, ["repair", "--yes"], quiet)).toEqual({
              code: 0,
              output: "Nothing needs repair.\n",
            });
            await writer.client.query("COMMIT");
            await building;
          });
        });
        expect(await indexes(scene)).toEqual([["orders_note", true]]);
      } finally {
        await scene.database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    });
  });

  it("is none of ours where it belongs to a partitioned table that lacks a part of it", async () => {
    await withScene(async (scene) => {
      writeFiles(scene.folder, files);
      await migrate(scene, ["up", "--yes"]);
      await scene.database.query(
        "CREATE TABLE parted (id int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parted DEFAULT; CREATE INDEX parted_id ON ONLY parted (id)",
      );
      expect((await ask(scene, "status")).document).toMatchObject({ invalidIndexes: [] });
      expect(await migrate(scene, ["repair"], quiet)).toMatchObject({ code: 0 });
    });
  });
});
