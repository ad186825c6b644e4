import { AppError } from "../errors.ts";
import type { MigrationFile } from "./files.ts";
import { readMigrationFolder } from "./files.ts";
import { prepareMigration, readChecksums } from "./prepare.ts";

/** What is known about a folder of migrations without a database. */
export interface FolderReport {
  /** Names in the order of their versions; empty where the folder itself is unsound. */
  readonly migrations: readonly string[];
  /** What would stop `up` or `down`, a sentence each. */
  readonly problems: readonly string[];
  /** What is allowed and worth knowing. */
  readonly warnings: readonly string[];
}

/**
 * Reads every file of a folder in both directions as a run would. No database is needed, so that an image with a broken
 * migration is never built.
 *
 * @param ignore patterns as in MIGRATIONS_IGNORE
 * @throws AppError `configuration` for a missing, unreadable or empty folder
 */
export async function checkFolder(directory: string, ignore?: string): Promise<FolderReport> {
  const problems: string[] = [];
  const warnings: string[] = [];
  const files = readSound(directory, ignore, problems);
  for (const file of readChecksums(files, problems)) {
    const ways = [
      ["up", file.upPath],
      ["down", file.downPath],
    ] as const;
    for (const [direction, path] of ways) {
      // Code is one file for both.
      if (path === undefined || (direction === "down" && file.kind === "code")) continue;
      const migration = await prepareMigration(file, direction, path, problems);
      if (migration === undefined) continue;
      warnings.push(...migration.warnings);
      if (migration.parseFailure !== undefined)
        problems.push(`${file.name} (${direction}): ${migration.parseFailure.message}.`);
      if (
        direction === "up" &&
        file.downPath === undefined &&
        migration.directives.irreversible === undefined
      )
        warnings.push(
          `${file.name} has no down file; write one, or say why with \`-- migrate: irreversible REASON\`.`,
        );
    }
  }
  return { migrations: files.map(({ name }) => name), problems, warnings };
}

function readSound(directory: string, ignore: string | undefined, problems: string[]): MigrationFile[] {
  try {
    return readMigrationFolder(directory, { ignore, leftOut: problems });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "migration-files-invalid") throw error;
    problems.push(...(error.details["problems"] as string[]));
    return [];
  }
}
