import { describe, expect, it } from "@jest/globals";
import type { Scene } from "./hostile/hostile-case.ts";
import { migrate, withScene, writeFiles } from "./hostile/perform.ts";

const outside = "-- migrate: no-transaction\n";

async function placeOf({ database }: Scene, table: string): Promise<unknown> {
  const [row] = await database.query(
    `SELECT relnamespace::regnamespace::text AS schema FROM pg_class WHERE relname = '${table}'`,
  );
  return row?.["schema"];
}

describe("a migration behind one that changes what a new session begins with", () => {
  it.each([
    ["in a transaction", ""],
    ["outside a transaction", outside],
  ])("runs in what a new session would have (%s)", async (_how, directive) => {
    await withScene(async (scene) => {
      const { name } = scene.database;
      writeFiles(scene.folder, {
        "000001_schema.up.sql": `CREATE SCHEMA app;\nALTER DATABASE ${name} SET search_path = app, public;\nALTER DATABASE ${name} SET work_mem = '7MB';\n`,
        "000002_table.up.sql": `${directive}CREATE TABLE t AS SELECT current_setting('work_mem') AS mem, current_schemas(false)::text AS path;\n`,
        "000003_next.up.sql": `${directive}CREATE TABLE u ();\n`,
      });
      expect(await migrate(scene)).toMatchObject({ code: 0 });
      expect([await placeOf(scene, "t"), await placeOf(scene, "u")]).toEqual(["app", "app"]);
      expect(await scene.database.query("SELECT * FROM app.t")).toEqual([
        { mem: "7MB", path: "{app,public}" },
      ]);
      expect((await migrate(scene)).code).toBe(0);
    });
  });

  it("also when it is the setting of the role, and of the role in this database, which goes first", async () => {
    await withScene(async (scene) => {
      const { name, address } = scene.database;
      const role = `deployer_${name}`;
      await scene.database.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'deploys' SUPERUSER; CREATE SCHEMA one; CREATE SCHEMA two`,
      );
      try {
        const url = new URL(scene.database.url);
        [url.username, url.password] = [role, "deploys"];
        writeFiles(scene.folder, {
          "000001_role.up.sql": `ALTER ROLE ${role} SET search_path = one;\n`,
          "000002_t.up.sql": "CREATE TABLE t ();\n",
          "000003_both.up.sql": `ALTER ROLE ${role} IN DATABASE ${name} SET search_path = two;\n`,
          "000004_u.up.sql": "CREATE TABLE u ();\n",
        });
        expect(await migrate({ ...scene, database: { url: url.href } })).toMatchObject({ code: 0 });
        expect([await placeOf(scene, "t"), await placeOf(scene, "u")]).toEqual(["one", "two"]);
      } finally {
        await scene.database.query(
          `REASSIGN OWNED BY ${role} TO ${address.user}; DROP OWNED BY ${role}; DROP ROLE ${role}`,
        );
      }
    });
  });

  it("keeps what the address sets for every session", async () => {
    await withScene(async (scene) => {
      const url = new URL(scene.database.url);
      url.searchParams.set("options", "-c search_path=public");
      writeFiles(scene.folder, {
        "000001_schema.up.sql": `CREATE SCHEMA app;\nALTER DATABASE ${scene.database.name} SET search_path = app;\n`,
        "000002_table.up.sql": "CREATE TABLE t ();\n",
      });
      expect(await migrate({ ...scene, database: { url: url.href } })).toMatchObject({ code: 0 });
      expect(await placeOf(scene, "t")).toBe("public");
    });
  });
});

describe("a setting of the role", () => {
  it("that is taken back by a migration, or that our role may not set, takes a new session, and the run goes on", async () => {
    await withScene(async (scene) => {
      const { name, address } = scene.database;
      const role = `deployer_${name}`;
      await scene.database.query(
        `CREATE ROLE ${role} LOGIN PASSWORD 'deploys'; GRANT CREATE ON SCHEMA public TO ${role}; CREATE SCHEMA one AUTHORIZATION ${role};
         ALTER ROLE ${role} SET search_path = one; GRANT CREATE ON DATABASE ${name} TO ${role}`,
      );
      try {
        const url = new URL(scene.database.url);
        [url.username, url.password] = [role, "deploys"];
        writeFiles(scene.folder, {
          "000001_t.up.sql": "CREATE TABLE t ();\n",
          "000002_reset.up.sql": `ALTER ROLE ${role} RESET search_path;\n`,
          "000003_u.up.sql": "CREATE TABLE u AS SELECT current_setting('lock_timeout') AS patience;\n",
        });
        expect(
          await migrate({ ...scene, database: { url: url.href } }, ["up", "-n", "1", "--yes"]),
        ).toMatchObject({
          code: 0,
        });
        await scene.database.query(`ALTER ROLE ${role} SET lock_timeout = '7s'`);
        expect(await migrate({ ...scene, database: { url: url.href } })).toMatchObject({ code: 0 });
        expect([await placeOf(scene, "t"), await placeOf(scene, "u")]).toEqual(["one", "public"]);
        // What a migration is given by us goes before the role's own.
        expect(await scene.database.query("SELECT patience FROM public.u")).toEqual([{ patience: "3s" }]);
      } finally {
        await scene.database.query(
          `REASSIGN OWNED BY ${role} TO ${address.user}; DROP OWNED BY ${role}; DROP ROLE ${role}`,
        );
      }
    });
  });
});
