import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import type { Scene } from "./hostile/hostile-case.ts";
import { migrate, withScene, writeFiles } from "./hostile/perform.ts";

/** A history that a real tool has left, and what must become of it. */
interface Adoption {
  readonly title: string;
  /** In fixtures/foreign; its first line says how it was made. */
  readonly fixture: string;
  readonly tool: string;
  /** Names of the files that this image has, with their text where it matters. */
  readonly files: readonly (string | readonly [name: string, text: string])[];
  /** Changes the history first. */
  readonly spoil?: string;
  readonly recorded?: readonly string[];
  /** In place of that: what the refusal says. */
  readonly refused?: string;
  readonly says?: string;
}

const timestamps = ["20240101000000_account", "20240102000000_add_name", "20240103000000_later"] as const;
const [account, addName] = timestamps;
const moments = ["1700000000000_account", "1700000001000_add_name", "1700000002000_later"] as const;
const numbers = ["000001_account", "000002_add_name", "000003_later"] as const;

const drizzleFiles = [
  ["000000_account", 'CREATE TABLE "account" (\n\t"id" integer\n);\n'],
  [
    "000001_add_name",
    'CREATE TABLE "later" (\n\t"id" integer\n);\n--> statement-breakpoint\nALTER TABLE "account" ADD COLUMN "name" text;--> statement-breakpoint\nALTER TABLE "account" ADD COLUMN "mail" text;',
  ],
  ["000002_new", "SELECT 1;"],
] as const;

const chain = (from: string, to: string): string => `-- Running upgrade ${from} -> ${to}\nSELECT 1;\n`;
const [aaaa, bbbb, cccc, dddd, eeee] = [
  "aaaa00000001",
  "bbbb00000002",
  "cccc00000003",
  "dddd00000004",
  "eeee00000005",
];
const branches = [
  ["000001_base", chain("", aaaa)],
  ["000002_right", chain(aaaa, cccc)],
  ["000003_right_more", `-- Revision ID: ${dddd}\n-- Revises: ${cccc}\nSELECT 1;\n`],
  ["000004_left", chain(aaaa, bbbb)],
  ["000005_merged", chain(`${bbbb}, ${dddd}`, eeee)],
] as const;

const flywayFiles = [
  "000001_before",
  "000002_account",
  "000003_add_name",
  "000004_between",
  "000005_later",
  "000006_gone",
  "000007_twice",
];

const adoptions: readonly Adoption[] = [
  {
    title: "knex: up, latest, down",
    fixture: "knex",
    tool: "knex",
    files: timestamps,
    recorded: [account, addName],
  },
  {
    title: "knex: names of TypeScript files",
    fixture: "knex",
    tool: "knex",
    files: timestamps,
    spoil: "UPDATE knex_migrations SET name = replace(name, '.js', '.ts')",
    recorded: [account, addName],
  },
  {
    title: "knex: a run that was killed keeps its lock",
    fixture: "knex-killed",
    tool: "knex",
    files: timestamps,
    refused: "is locked",
  },
  {
    title: "knex: a short number that is another migration here",
    fixture: "knex",
    tool: "knex",
    files: numbers,
    spoil: "UPDATE knex_migrations SET name = '000002_add_tags.js' WHERE id = 2",
    refused: "000002_add_tags.js (number 2 is 000002_add_name here)",
  },
  {
    title: "node-pg-migrate: up, down",
    fixture: "node-pg-migrate",
    tool: "node-pg-migrate",
    files: moments,
    recorded: moments.slice(0, 2),
  },
  {
    title: "node-pg-migrate: names with endings",
    fixture: "node-pg-migrate",
    tool: "node-pg-migrate",
    files: moments,
    spoil: "UPDATE pgmigrations SET name = name || '.sql'",
    recorded: moments.slice(0, 2),
  },
  {
    title: "node-pg-migrate: its loader ran x.down.sql and then x.up.sql",
    fixture: "node-pg-migrate-down-first",
    tool: "node-pg-migrate",
    files: numbers,
    recorded: ["000001_account"],
  },
  {
    title: "node-pg-migrate: a down file ran last",
    fixture: "node-pg-migrate-down-first",
    tool: "node-pg-migrate",
    files: numbers,
    spoil: "UPDATE pgmigrations SET id = 9 WHERE name LIKE '%.down'",
    refused: "a down file ran as the last migration of its number (000001_account.down)",
  },
  {
    title: "dbmate: up, rollback",
    fixture: "dbmate",
    tool: "dbmate",
    files: timestamps,
    recorded: [account, addName],
  },
  {
    title: "sequelize: migrate, undo",
    fixture: "sequelize",
    tool: "sequelize",
    files: timestamps,
    recorded: [account, addName],
  },
  {
    title: "umzug: up, down",
    fixture: "umzug",
    tool: "umzug",
    files: numbers,
    recorded: numbers.slice(0, 2),
  },
  {
    title: "typeorm: run, undo",
    fixture: "typeorm",
    tool: "typeorm",
    files: moments,
    recorded: moments.slice(0, 2),
  },
  {
    title: "drizzle: by content",
    fixture: "drizzle",
    tool: "drizzle",
    files: drizzleFiles,
    recorded: ["000000_account", "000001_add_name"],
  },
  {
    title: "drizzle: by content, from a Windows checkout",
    fixture: "drizzle",
    tool: "drizzle",
    files: drizzleFiles.map(([name, text]) => [name, text.replaceAll("\n", "\r\n")] as const),
    recorded: ["000000_account", "000001_add_name"],
  },
  {
    title: "drizzle: a file that was edited",
    fixture: "drizzle",
    tool: "drizzle",
    files: [drizzleFiles[0], ["000001_add_name", "SELECT 2;"]],
    refused: "b91fa2c5d8fd…",
  },
  {
    title: "sqitch: deploy, revert",
    fixture: "sqitch",
    tool: "sqitch",
    files: numbers,
    recorded: numbers.slice(0, 2),
  },
  {
    title: "sqitch: a reworked change",
    fixture: "sqitch-reworked",
    tool: "sqitch",
    files: numbers,
    refused: "has reworked account",
  },
  {
    title: "prisma: failed, resolved, failed again, applied",
    fixture: "prisma",
    tool: "prisma",
    files: timestamps,
    recorded: timestamps,
  },
  {
    title: "prisma: by content, under new numbers",
    fixture: "prisma",
    tool: "prisma",
    files: [
      ["000001_account", 'CREATE TABLE "20240101000000_account" (id int);\n'],
      ["000002_add_name", 'CREATE TABLE "20240102000000_add_name" (id int);\n'],
      ["000003_later", "CREATE TABLE later (id int);\n"],
    ],
    recorded: numbers,
  },
  {
    title: "prisma: a migration that failed",
    fixture: "prisma-failed",
    tool: "prisma",
    files: timestamps,
    refused: "run `prisma migrate resolve` first",
  },
  {
    title: "prisma: one that was rolled back",
    fixture: "prisma-rolled-back",
    tool: "prisma",
    files: timestamps,
    recorded: [account, addName],
  },
  {
    title: "prisma: a baseline",
    fixture: "prisma-baseline",
    tool: "prisma",
    files: timestamps,
    recorded: [account],
  },
  {
    title: "prisma: a squash leaves names without files",
    fixture: "prisma-squashed",
    tool: "prisma",
    files: ["20240104000000_squashed"],
    refused: "migrate baseline VERSION --adopt prisma",
  },
  {
    title: "alembic: by the file's name, downgraded once",
    fixture: "alembic",
    tool: "alembic",
    files: ["000001_7d6796543800_account", "000002_b39803765b75_add_name", "000003_64cb3f479344_later"],
    recorded: ["000001_7d6796543800_account", "000002_b39803765b75_add_name"],
  },
  {
    title: "alembic: only the head's file has its hash",
    fixture: "alembic",
    tool: "alembic",
    files: ["000001_account", "000002_b39803765b75_add_name", "000003_later"],
    recorded: ["000001_account", "000002_b39803765b75_add_name"],
  },
  {
    title: "alembic: two heads, by the chain",
    fixture: "alembic-heads",
    tool: "alembic",
    files: branches,
    recorded: ["000001_base", "000002_right", "000004_left"],
  },
  {
    title: "alembic: two heads, and a file that may be of either",
    fixture: "alembic-heads",
    tool: "alembic",
    files: [`000001_${aaaa}`, `000002_${cccc}`, "000003_right_more", `000004_${bbbb}`],
    refused: "the files do not say which of them 000003_right_more belongs to",
  },
  {
    title: "alembic: a file of two revisions, of which one is applied",
    fixture: "alembic-heads",
    tool: "alembic",
    files: [branches[0], ["000002_right", chain(aaaa, cccc) + chain(cccc, dddd)], branches[3]],
    refused: "alembic has applied 1 of the 2 revisions in 000002_right",
  },
  {
    title: "alembic: a merge",
    fixture: "alembic-merged",
    tool: "alembic",
    files: branches,
    recorded: branches.map(([name]) => name),
  },
  {
    title: "alembic: downgraded to its base",
    fixture: "alembic-base",
    tool: "alembic",
    files: branches,
    recorded: [],
  },
  {
    title: "flyway: a baseline, undo, out of order, a deleted one, a repeatable one",
    fixture: "flyway",
    tool: "flyway",
    files: flywayFiles,
    recorded: ["000001_before", "000002_account", "000004_between", "000005_later", "000007_twice"],
    says: "Repeatable scripts are not taken over: views",
  },
  {
    title: "flyway: a baseline above the first files, which are gone",
    fixture: "flyway",
    tool: "flyway",
    files: flywayFiles.slice(3),
    spoil:
      "DELETE FROM flyway_schema_history WHERE version <> '1'; UPDATE flyway_schema_history SET version = '3.0' WHERE version = '1'",
    recorded: [],
  },
  {
    title: "flyway: a short number that is another migration here",
    fixture: "flyway",
    tool: "flyway",
    files: ["000001_before", "000002_customer", ...flywayFiles.slice(2)],
    refused: "2 (number 2 is 000002_customer here)",
  },
];

async function prepare(scene: Scene, { fixture, spoil, files }: Adoption): Promise<void> {
  const text = readFileSync(new URL(`../fixtures/foreign/${fixture}.sql`, import.meta.url), "utf8");
  await scene.database.query(`${text}\n${spoil ?? ""}`);
  writeFiles(
    scene.folder,
    Object.fromEntries(
      files.map((file) =>
        typeof file === "string" ? [`${file}.up.sql`, "SELECT 1;"] : [`${file[0]}.up.sql`, file[1]],
      ),
    ),
  );
}

const ledger =
  "SELECT m.name, r.direction, r.state, r.checksum IS NOT NULL AS summed FROM schema_migrations m JOIN schema_migration_runs r USING (name) ORDER BY m.name";

const titled = adoptions.map((each) => [each.title, each] as const);
const sound = titled.filter(([, { refused }]) => refused === undefined);
const unsound = titled.filter(([, { refused }]) => refused !== undefined);

/** Before anything is taken over, nothing is run. */
async function expectRefusedStart(scene: Scene): Promise<void> {
  expect(await migrate(scene, ["up", "--yes"])).toEqual({
    code: 7,
    output: expect.stringMatching(/were run by|belongs to another tool/),
  });
}

describe("a history that a real tool has left", () => {
  it.each(sound)("is taken over: %s", async (_, adoption) => {
    await withScene(async (scene) => {
      await prepare(scene, adoption);
      await expectRefusedStart(scene);
      expect(await migrate(scene, ["baseline", "--adopt", adoption.tool, "--yes"])).toEqual({
        code: 0,
        output: expect.stringContaining(adoption.says ?? ""),
      });
      expect(await scene.database.query(ledger)).toEqual(
        adoption.recorded!.map((name) => ({ name, direction: "baseline", state: "applied", summed: true })),
      );
      // From here on the ledger is ours: what is left runs, and the other tool's table does not matter any more.
      const quiet = { LOG_LEVEL: "silent" };
      expect(await migrate(scene, ["up", "--yes", "--allow-out-of-order"], quiet)).toMatchObject({ code: 0 });
      expect(await migrate(scene, ["check"], quiet)).toMatchObject({ code: 0 });
    });
  });

  it.each(unsound)("is refused, and nothing is written: %s", async (_, adoption) => {
    await withScene(async (scene) => {
      await prepare(scene, adoption);
      await expectRefusedStart(scene);
      expect(await migrate(scene, ["baseline", "--adopt", adoption.tool, "--yes"])).toEqual({
        code: 7,
        output: expect.stringContaining(adoption.refused!),
      });
      expect(await scene.database.query("SELECT to_regclass('schema_migration_runs') AS runs")).toEqual([
        { runs: null },
      ]);
    });
  });

  it("is taken over as far as a person says where names have no files any more", async () => {
    await withScene(async (scene) => {
      const squashed = adoptions.find(({ fixture }) => fixture === "prisma-squashed")!;
      await prepare(scene, squashed);
      const words = ["baseline", "20240104000000", "--adopt", "prisma", "--yes"];
      expect(await migrate(scene, words, { LOG_LEVEL: "silent" })).toMatchObject({ code: 0 });
      expect(await scene.database.query(ledger)).toMatchObject([{ name: "20240104000000_squashed" }]);
    });
  });
});
