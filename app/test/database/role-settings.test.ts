import { randomBytes } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import pg from "pg";
import { lockKey } from "../../migrate/lock.ts";
import { ledgerTables } from "../../migrate/ledger-tables.ts";
import type { Scene } from "./hostile/hostile-case.ts";
import { ask, migrate, withScene, writeFiles } from "./hostile/perform.ts";
import { maintain } from "../support/test-database.ts";

/** What somebody may have set for the role, each other than usual. */
const unusual = {
  datestyle: "German, DMY",
  intervalstyle: "sql_standard",
  timezone: "Asia/Kathmandu",
  extra_float_digits: "-15",
  bytea_output: "escape",
  standard_conforming_strings: "off",
  quote_all_identifiers: "on",
  transform_null_equals: "on",
  array_nulls: "off",
  exit_on_error: "on",
  client_encoding: "LATIN1",
  xmloption: "document",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  statement_timeout: "60s",
  lock_timeout: "60s",
  search_path: '"$user"',
  synchronous_commit: "off",
  default_tablespace: "pg_default",
  client_min_messages: "debug1",
};

const files = {
  "000001_things.up.sql": "CREATE TABLE public.things (id int PRIMARY KEY, at timestamptz, note text);",
  "000001_things.down.sql": "DROP TABLE public.things;",
  "000002_rows.up.sql": "INSERT INTO public.things VALUES (1, now(), 'ü \\ \\n');",
  "000002_rows.down.sql": "DELETE FROM public.things;",
  "000003_index.up.sql":
    "-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY things_at ON public.things (at);",
  "000003_index.down.sql": "-- migrate: no-transaction\nDROP INDEX CONCURRENTLY public.things_at;",
};

const commands = [
  "status",
  "up",
  "status",
  "check",
  "info",
  "history",
  "plan",
  "redo",
  "down -n 1",
  "current",
  "pending",
  "sql",
  "up",
  "verify",
];

/** What each command answers, without what is another one in each run: times, ids, names of roles. */
async function answersAs(settings: Readonly<Record<string, string>>): Promise<unknown[]> {
  let answers: unknown[] = [];
  await withRole(settings, async (scene) => {
    writeFiles(scene.folder, files);
    answers = [];
    for (const command of commands) {
      const { code, document } = await ask(scene, ...command.split(" "), "--yes");
      answers.push({ command, code, document: masked(document) });
    }
  });
  return answers;
}

function masked(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => masked(one, name));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, masked(member, key)]));
  if (typeof value === "number") return /ms$|pid|bytes|rows|duration/i.test(name) ? "a number" : value;
  if (typeof value !== "string") return value;
  return value
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)/g, "a time")
    .replaceAll(/(?:role|test|headgate_verify)_[0-9a-f]{12}/g, "a name")
    .replaceAll(/headgate-hostile-\w+/g, "a folder")
    .replaceAll(/\b\d+ ms\b/g, "a while");
}

async function withRole(
  settings: Readonly<Record<string, string>>,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  await withScene(async (scene) => {
    const role = `role_${randomBytes(6).toString("hex")}`;
    await scene.database.query(
      `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'p'; GRANT ALL ON SCHEMA public TO ${role}; GRANT CREATE ON DATABASE ${scene.database.name} TO ${role};
       ${Object.entries(settings)
         .map(
           ([name, value]) =>
             `ALTER ROLE ${role} SET ${name} = ${name === "search_path" ? value : `'${value}'`};`,
         )
         .join(" ")}`,
    );
    const url = new URL(scene.database.url);
    [url.username, url.password] = [role, "p"];
    try {
      await work({ ...scene, database: { ...scene.database, url: url.href } });
    } finally {
      await scene.database.query(`DROP OWNED BY ${role} CASCADE`);
      await maintain((query) => query(`DROP ROLE ${role}`));
    }
  });
}

describe("settings of the role", () => {
  it("change nothing of what the commands answer", async () => {
    expect(await answersAs(unusual)).toEqual(await answersAs({}));
  }, 60_000);

  it("leave the dates of a lock's holder what they are", async () => {
    await withRole({ datestyle: "German", timezone: "Asia/Kathmandu" }, async (scene) => {
      writeFiles(scene.folder, files);
      const holder = new pg.Client(scene.database.url);
      holder.on("error", () => undefined);
      await holder.connect();
      const key = lockKey(scene.database.name, ledgerTables(scene.database.config));
      await holder.query("SELECT pg_advisory_lock($1)", [key.toString()]);
      const { document } = await ask(scene, "info");
      expect(JSON.stringify(document)).toMatch(/"since":"\d{4}-\d\d-\d\dT[\d:.]+Z"/);
      const { code, output } = await migrate(scene, ["up", "--yes"], { MIGRATE_LOCK_WAIT: "400ms" });
      expect(code).toBe(5);
      expect(output).toMatch(/connected since \d{4}-\d\d-\d\dT[\d:.]+Z/);
      await holder.end();
    });
  });
});
