import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError } from "../../app/errors.ts";
import type { Binaries } from "./binaries.ts";
import { explainServerFailure, explainWriteFailure } from "./explain-failure.ts";
import { startGuarded } from "./guarded-process.ts";
import { isAlive } from "./running-postmaster.ts";
import { launchAs, type Launch, type ServerUser } from "./server-user.ts";

export const superuser = "headgate";

/** Where things are below the folder of a cluster. */
export interface ClusterFolder {
  readonly folder: string;
  /** PGDATA. */
  readonly data: string;
  /** The superuser's password, readable by its owner alone. */
  readonly passwordFile: string;
  readonly logFile: string;
}

export interface MakeOptions {
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
  /** Skip waiting for the disk; for data that nobody keeps. */
  readonly noSync: boolean;
  readonly abort?: AbortSignal;
}

export function clusterFolder(folder: string): ClusterFolder {
  return {
    folder,
    data: join(folder, "data"),
    passwordFile: join(folder, "password"),
    logFile: join(folder, "server.log"),
  };
}

/**
 * Makes the data folder on first use. It is made beside its place and moved there when it is whole, so that a killed
 * first start leaves nothing half-made that a later one would trip over.
 *
 * @throws AppError `configuration` where the disk or the folder does not let us
 */
export async function makeDataDirectory(folder: string, options: MakeOptions): Promise<void> {
  if (existsSync(clusterFolder(folder).data)) {
    checkVersion(folder, options.binaries);
    takeFromRoot(folder, options.user);
    return;
  }
  try {
    mkdirSync(dirname(folder), { recursive: true });
    removeAbandonedDrafts(folder);
    await makeDraft(`${folder}.new-${process.pid}`, folder, options);
  } catch (error) {
    throw explainWriteFailure(error, folder);
  }
}

async function makeDraft(draft: string, folder: string, options: MakeOptions): Promise<void> {
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  try {
    await runInitdb(clusterFolder(draft), folder, options);
    rmSync(clusterFolder(draft).logFile, { force: true });
    moveIntoPlace(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function runInitdb(draft: ClusterFolder, folder: string, options: MakeOptions): Promise<void> {
  const { binaries, user } = options;
  writeFileSync(draft.passwordFile, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  giveTo(user, draft.folder, draft.passwordFile);
  const log = openSync(draft.logFile, "a", 0o600);
  try {
    const initdb = await startGuarded({
      command: [binaries.initdb, ...initdbArguments(draft, options.noSync)],
      env: serverEnvironment(),
      launch: reach(options, draft.folder, true),
      output: { stdout: log, stderr: log },
      // TERM: it ignores INT while it waits for some of its steps.
      stop: { signal: "TERM", hard: "KILL", graceSeconds: 10 },
      removeFolder: draft.folder,
    });
    if (options.abort?.aborted) void initdb.stop();
    options.abort?.addEventListener("abort", () => void initdb.stop());
    const status = await initdb.ended;
    if (options.abort?.aborted)
      throw new AppError("interrupted", "Stopped while PostgreSQL made its data folder.");
    if (status !== 0) {
      throw explainServerFailure(
        `PostgreSQL could not make its data folder ${folder}.`,
        draft.logFile,
        folder,
      );
    }
  } finally {
    closeSync(log);
  }
}

function initdbArguments(draft: ClusterFolder, noSync: boolean): string[] {
  return [
    `--pgdata=${draft.data}`,
    `--username=${superuser}`,
    `--pwfile=${draft.passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // PostgreSQL's own C.UTF-8: the same order of text on every machine, whatever locales it has.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    ...(noSync ? ["--no-sync"] : []),
  ];
}

/** How to start programs of this PostgreSQL with that data folder. */
export function reach({ binaries, user }: MakeOptions, folder: string, isRemoved = false): Launch {
  const writable = isRemoved ? [dirname(folder)] : [];
  return launchAs(user, [binaries.postgres, binaries.initdb, ...binaries.folders, folder], writable);
}

/** An environment without PGDATA, PGOPTIONS and the like of the person who started us; messages in English. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
}

export function readPassword({ passwordFile }: ClusterFolder): string {
  return readFileSync(passwordFile, "utf8").trim();
}

function giveTo(user: ServerUser | undefined, ...paths: string[]): void {
  if (user === undefined) return;
  for (const path of paths) chownSync(path, user.uid, user.gid);
}

/** A copy that root made belongs to root, as whom PostgreSQL does not run. */
function takeFromRoot(folder: string, user: ServerUser | undefined): void {
  if (user === undefined || statSync(clusterFolder(folder).data).uid !== 0) return;
  execFileSync("chown", ["-R", `${user.uid}:${user.gid}`, folder]);
}

function moveIntoPlace(draft: string, folder: string): void {
  try {
    chmodSync(draft, 0o700);
    renameSync(draft, folder);
  } catch (error) {
    // Somebody else's first start was quicker: theirs is as good as ours.
    if (!existsSync(clusterFolder(folder).data)) throw error;
  }
}

function removeAbandonedDrafts(folder: string): void {
  const prefix = `${basename(folder)}.new-`;
  for (const name of readdirSync(dirname(folder))) {
    if (!name.startsWith(prefix) || isAlive(Number(name.slice(prefix.length)))) continue;
    rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

function checkVersion(folder: string, { major }: Binaries): void {
  let found: string;
  try {
    found = readFileSync(join(clusterFolder(folder).data, "PG_VERSION"), "utf8").trim();
  } catch (error) {
    throw explainWriteFailure(error, folder);
  }
  if (found === major) return;
  throw new AppError(
    "configuration",
    `${folder} was made by PostgreSQL ${found}, but this project now brings PostgreSQL ${major}, which cannot read it. ` +
      "Move the folder away (a new one is made), or set DATABASE_URL to a PostgreSQL that already runs.",
  );
}
