import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "@jest/globals";
import { findServerUser } from "../../../../scripts/embedded-postgres/server-user.ts";
import { maintain } from "../../support/test-database.ts";
import { fails, names, threeFiles, works, type HostileCase } from "./hostile-case.ts";
import { performAll } from "./perform.ts";

const disk = makeSmallDisk();
afterAll(async () => {
  await maintain((query) => query(`DROP TABLESPACE IF EXISTS ${disk.name}`));
  disk.remove();
});

const cases: HostileCase[] = [
  fails(
    "more temporary files than the server allows",
    "SET LOCAL temp_file_limit = '1MB';\nSET LOCAL work_mem = '64kB';\nCREATE TABLE a1 AS SELECT i, md5(i::text) AS h FROM generate_series(1, 100000) i ORDER BY h;\n",
    {
      says: [
        "53400: temporary file size exceeds",
        "at 000002_case.up.sql:3\n",
        "went over a configured limit of the server",
      ],
    },
  ),
  {
    title: "no space left on the disk",
    skip: disk.problem,
    files: threeFiles(
      `CREATE TABLE a1 TABLESPACE ${disk.name} AS SELECT i, repeat('x', 500) AS v FROM generate_series(1, 100000) i;\n`,
    ),
    acts: ["first", "again"].map((act) => ({
      act,
      prepare: async ({ database }) => {
        if (act === "first") await database.query(`CREATE TABLESPACE ${disk.name} LOCATION '${disk.folder}'`);
      },
      exit: 6,
      says: [
        "53100: could not extend file",
        "No space left on device",
        "The database server has no disk space left.",
        "It was rolled back; nothing of it remains.",
      ],
      applied: [names.base],
      objects: ["base"],
    })),
  },
  fails(
    "an expression that is nested too deeply for the server",
    `SELECT 1;\nSELECT ${"1+".repeat(50_000)}1;\n`,
    {
      says: ["54001: stack depth limit exceeded", "nested too deeply for the server; simplify it"],
      neverSays: ["1+".repeat(200)],
    },
  ),
  // PostgreSQL's parser has a limit of its own, here and on the server.
  fails(
    "more parentheses than any parser takes",
    `BEGIN;\nSELECT ${"(".repeat(20_000)}1${")".repeat(20_000)};\nCOMMIT;\n`,
    {
      says: ['42601: memory exhausted at or near "("', "at 000002_case.up.sql:2:"],
      neverSays: ["(".repeat(200)],
    },
  ),
  fails(
    "an expression that our own parser cannot take, outside a transaction",
    `-- migrate: no-transaction\nCREATE TABLE a1 (id integer);\nSELECT ${"'x' || ".repeat(50_000)}'y';\n`,
    { says: ["a statement is nested too deeply to be parsed here; simplify it", "Nothing of it was run."] },
  ),
  works("the parser works after that", "-- migrate: no-transaction\nCREATE TABLE a1 (id integer);\n", ["a1"]),
];

performAll("a file that asks for too much", cases);

interface SmallDisk {
  readonly folder: string;
  readonly name: string;
  /** Why there is none. */
  readonly problem: string | undefined;
  remove(): void;
}

/** A file system of 8 MB for the server's user; only root can make one, and not in every container. */
function makeSmallDisk(): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "headgate-disk-"));
  const name = `small_${process.pid}`;
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  if (process.getuid?.() !== 0)
    return { folder, name, problem: "only root can mount a file system of a limited size", remove };
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], { stdio: "pipe" });
  } catch (error) {
    return {
      folder,
      name,
      problem: `no file system of a limited size can be mounted here (${String((error as { stderr?: Buffer }).stderr).trim()})`,
      remove,
    };
  }
  const data = join(folder, "data");
  mkdirSync(data);
  // A tablespace belongs to the user that the server runs as, who must also get there.
  const { uid, gid } = findServerUser(data)!;
  chownSync(data, uid, gid);
  chmodSync(folder, 0o755);
  return {
    folder: data,
    name,
    problem: undefined,
    remove: () => {
      execFileSync("umount", ["-l", folder]);
      remove();
    },
  };
}
