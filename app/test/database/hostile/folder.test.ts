import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { after, base, harmless, type HostileCase, type Scene } from "./hostile-case.ts";
import { performAll, withScene } from "./perform.ts";

const first = { "000001_base.up.sql": base };
const linked = "000002_link.up.sql";

/** Makes something odd in the folder. */
type Prepare = (scene: Scene) => Promise<void>;
const link =
  (target: string): Prepare =>
  async ({ folder }) =>
    symlinkSync(target, join(folder, linked));
const makePipe: Prepare = async ({ folder }) => void execFileSync("mkfifo", [join(folder, linked)]);

const refusedLink = (title: string, prepare: Prepare, says: string): HostileCase => ({
  title,
  files: first,
  acts: [
    { act: "first", prepare, exit: 7, says: [says], applied: "no table", objects: [] },
    { act: "repaired", remove: [linked], exit: 0, applied: ["000001_base"] },
  ],
});

const cases: HostileCase[] = [
  refusedLink("a link to nothing", link("nowhere.sql"), `${linked} is a link to a file that does not exist.`),
  refusedLink("a link to itself", link(linked), `${linked} is a link to a file that does not exist.`),
  refusedLink("a link to a folder", link(".."), `${linked} is a folder with a migration's name`),
  // From these one would read for ever, and nothing could stop the process that does: so it is not this one.
  ...[
    refusedLink(
      "a link to a device",
      link("/dev/zero"),
      `${linked} is neither a file nor a link to one; remove it.`,
    ),
    refusedLink(
      "a pipe that nobody writes to",
      makePipe,
      `${linked} is neither a file nor a link to one; remove it.`,
    ),
  ].map((hostile): HostileCase => ({ ...hostile, as: "process" })),
  {
    title: "files behind links, as a mounted ConfigMap has them",
    files: { "..2024_01_31/000001_base.up.sql": base, "..2024_01_31/000002_case.up.sql": harmless },
    acts: [
      {
        act: "first",
        prepare: async ({ folder }) => {
          symlinkSync("..2024_01_31", join(folder, "..data"));
          for (const name of ["000001_base.up.sql", "000002_case.up.sql"])
            symlinkSync(`..data/${name}`, join(folder, name));
        },
        exit: 0,
        applied: ["000001_base", "000002_case"],
        objects: ["base", "repaired"],
      },
    ],
  },
  {
    title: "files that are no migrations, and folders without any, are left alone",
    files: {
      ...first,
      "README.md": "# 000002_not.up.sql",
      ".000002_hidden.up.sql": "SELECT nothing;",
      "migrations.go": "package migrations",
      "000002_types.d.ts": "export {};",
      "notes/000002_case.md": "# why",
      "seeds/users.sql": "SELECT nothing;",
      "000002_case.up.sql": harmless,
    },
    acts: [
      { act: "first", exit: 0, applied: ["000001_base", "000002_case"], objects: ["base", "repaired"] },
      { act: "again", exit: 0, says: ["Nothing is pending"] },
    ],
  },
  {
    title: "an empty folder",
    files: {},
    acts: [
      nothingThere(/^.*There are no migrations in .*\. Is the right folder mounted\? \(MIGRATIONS_DIR\)/m),
    ],
  },
  {
    title: "a folder with nothing but a README and a sub-folder",
    files: { "README.md": "", "old/000001_base.up.sql": base },
    acts: [
      nothingThere("There are no migrations in "),
      nothingThere("old is a folder, and sub-folders are not read"),
    ],
  },
  {
    title: "no folder at all",
    files: {},
    acts: [{ ...nothingThere("cannot be read: ENOENT"), env: { MIGRATIONS_DIR: "/nowhere/at/all" } }],
  },
  {
    title: "a file in the place of the folder",
    files: {},
    acts: [
      {
        ...nothingThere("cannot be read: ENOTDIR"),
        prepare: async ({ folder }) => {
          rmSync(folder, { recursive: true });
          writeFileSync(folder, "");
        },
      },
    ],
  },
  {
    title: "the folder disappears between two runs: what is applied stays",
    files: { ...first, "000002_after.up.sql": after },
    acts: [
      { act: "first", exit: 0 },
      {
        act: "without",
        prepare: async ({ folder }) => {
          renameSync(folder, `${folder}-away`);
          return async () => renameSync(`${folder}-away`, folder);
        },
        exit: 2,
        says: ["cannot be read: ENOENT"],
        applied: ["000001_base", "000002_after"],
      },
      { act: "back", exit: 0, says: ["Nothing is pending"] },
    ],
  },
];

function nothingThere(says: string | RegExp) {
  return { act: "first", exit: 2, says: [says], applied: "no table", objects: [] } as const;
}

performAll("a folder of migrations", cases);

describe("a file that the user of the process may not read", () => {
  const asOther = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

  it("is named with the reason before anything runs", async () => {
    await withScene(async ({ database, folder }) => {
      writeFileSync(join(folder, "000001_base.up.sql"), base);
      writeFileSync(join(folder, "000002_case.up.sql"), harmless, { mode: 0 });
      chmodSync(folder, 0o755);
      mkdirSync(join(folder, "sub"));
      const { projectRoot } = await import("../../../version.ts");
      const { spawnSync } = await import("node:child_process");
      const { status, stderr } = spawnSync(
        process.execPath,
        [join(projectRoot, "dist/programs/migrate.cjs"), "up", "--yes"],
        {
          env: { DATABASE_URL: database.url, MIGRATIONS_DIR: folder, LOG_FORMAT: "pretty" },
          encoding: "utf8",
          timeout: 20_000,
          ...asOther,
        },
      );
      expect(stderr).toContain("000002_case.up.sql cannot be read: EACCES");
      expect(status).toBe(7);
      expect(await database.query("SELECT to_regclass('base') IS NULL AS untouched")).toEqual([
        { untouched: true },
      ]);
    });
  });
});
