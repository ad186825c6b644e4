import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../errors.ts";
import { longestVersion, readMigrationFolder, type MigrationFile } from "./files.ts";

export interface CreateOptions {
  readonly directory: string;
  /** Patterns as in MIGRATIONS_IGNORE. */
  readonly ignore?: string | undefined;
  readonly name: string;
  /** The time, as 14 digits in UTC, instead of the next number; or what follows the newest where that is not older. */
  readonly timestamp?: boolean;
  readonly now?: Date;
}

/**
 * Writes an up and a down file with a commented head and returns their paths.
 *
 * @throws AppError `usage` for a name that is taken or cannot be one, `configuration` when the folder cannot be written,
 *   `migration-files-invalid` when it is not sound already
 */
export function createMigration(options: CreateOptions): string[] {
  const { directory } = options;
  const name = migrationNameOf(options.name);
  if (!/^[a-z0-9_.]+$/.test(name) || !/[a-z]/.test(name) || name.length > 100) {
    throw new AppError(
      "usage",
      `"${options.name}" cannot be a migration's name: use letters, digits and _, for example add_owner_to_server.`,
    );
  }
  const existing = readExisting(directory, options.ignore);
  const taken = existing.find((file) => file.name.replace(/^\d+_/, "") === name);
  if (taken !== undefined)
    throw new AppError("usage", `${taken.name} has that name already; choose another one.`);
  const version = options.timestamp
    ? nextTimestamp(options.now ?? new Date(), existing)
    : nextNumber(existing);
  if (version.length > longestVersion)
    throw new AppError(
      "usage",
      `There is no number after ${existing.at(-1)?.versionText}; rename that migration.`,
    );
  const files: [string, string][] = [
    [join(directory, `${version}_${name}.up.sql`), upTemplate(name)],
    [join(directory, `${version}_${name}.down.sql`), downTemplate(name)],
  ];
  try {
    mkdirSync(directory, { recursive: true });
    // wx: never writes over a file.
    for (const [path, text] of files) writeFileSync(path, text, { flag: "wx" });
  } catch (error) {
    throw new AppError("configuration", `The migration cannot be written: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  return files.map(([path]) => path);
}

/** What is typed as a migration's name, in snake case: `Add owner`, `add-owner` and `AddOwner` are `add_owner`. */
export function migrationNameOf(typed: string): string {
  return typed
    .trim()
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[\s-]+/g, "_");
}

function readExisting(directory: string, ignore: string | undefined): MigrationFile[] {
  try {
    return readMigrationFolder(directory, { ignore });
  } catch (error) {
    // A folder that is not there yet, or empty, begins with number 1.
    if (error instanceof AppError && error.code === "configuration") return [];
    throw error;
  }
}

function nextNumber(existing: readonly MigrationFile[]): string {
  const last = existing.at(-1);
  return last === undefined
    ? "000001"
    : (last.version + 1n).toString().padStart(last.versionText.length, "0");
}

/** The time; or the number after the newest migration where that is not older: a lower one would be out of order. */
function nextTimestamp(now: Date, existing: readonly MigrationFile[]): string {
  const timestamp = timestampOf(now);
  const last = existing.at(-1);
  return last === undefined || last.version < BigInt(timestamp) ? timestamp : nextNumber(existing);
}

function timestampOf(now: Date): string {
  return now.toISOString().replaceAll(/\D/g, "").slice(0, 14);
}

function upTemplate(name: string): string {
  return `-- ${sentenceOf(name)}: why, in a sentence for whoever reads this in two years.
--
-- Runs in one transaction. Directives stand here, one a line, at the beginning of the line:
--   -- migrate: no-transaction                  for CREATE INDEX CONCURRENTLY and the like
--   -- migrate: repeat-until-zero pause=50ms    for a backfill in batches
--   -- migrate: lock-timeout=2s                 instead of MIGRATE_LOCK_TIMEOUT

`;
}

function downTemplate(name: string): string {
  return `-- Takes ${name} back: what is lost with it?

`;
}

function sentenceOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
