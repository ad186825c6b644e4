import { setImmediate as nextTurn } from "node:timers/promises";
import type { Config } from "../config/settings.ts";
import { AppError } from "../errors.ts";
import { filesInvalid, readMigrationFolder } from "./files.ts";
import type { History, KnownMigration } from "./history.ts";
import { migrationsDirectory } from "./migration-session.ts";
import { readChecksums } from "./prepare.ts";

/** The settings that say which files are migrations. */
export type FolderConfig = Pick<Config, "migrationsDirectory"> &
  Partial<Pick<Config, "migrationsIgnore" | "migrationsTable">>;

/**
 * Refuses a folder in which something looks like a migration and would not run with the others.
 *
 * @throws AppError `migration-files-invalid`
 */
export function assertNothingLeftOut(config: FolderConfig): void {
  const directory = migrationsDirectory(config);
  const leftOut: string[] = [];
  readMigrationFolder(directory, { ignore: config.migrationsIgnore, leftOut });
  if (leftOut.length > 0) throw filesInvalid(directory, leftOut);
}

/**
 * The migrations of this image with their checksums, in order.
 *
 * @throws AppError `configuration` for a missing or empty folder, `migration-files-invalid` for files that cannot be used
 */
export function readKnownMigrations(config: FolderConfig): KnownMigration[] {
  const directory = migrationsDirectory(config);
  const problems: string[] = [];
  const found = readMigrationFolder(directory, { ignore: config.migrationsIgnore });
  const known = slicesOf(found).flatMap((files) => readChecksums(files, problems));
  return soundOnly(directory, known, problems);
}

const sliceSize = 20;

/**
 * The same, a few files at a time: in between the process attends to a connection that is being made. Begins with the
 * next turn of the event loop.
 *
 * @param leftOut gets a sentence for each thing that looks like a migration and is not run
 * @throws as `readKnownMigrations`
 */
export async function readKnownMigrationsInSlices(
  config: FolderConfig,
  leftOut: string[] = [],
): Promise<KnownMigration[]> {
  await nextTurn();
  const directory = migrationsDirectory(config);
  const problems: string[] = [];
  const known: KnownMigration[] = [];
  const found = readMigrationFolder(directory, { ignore: config.migrationsIgnore, leftOut });
  for (const files of slicesOf(found)) {
    await nextTurn();
    known.push(...readChecksums(files, problems));
  }
  return soundOnly(directory, known, problems);
}

function slicesOf<T>(items: readonly T[]): T[][] {
  const slices: T[][] = [];
  for (let from = 0; from < items.length; from += sliceSize) slices.push(items.slice(from, from + sliceSize));
  return slices;
}

function soundOnly(
  directory: string,
  known: KnownMigration[],
  problems: readonly string[],
): KnownMigration[] {
  if (problems.length > 0) throw filesInvalid(directory, problems);
  return known;
}

/**
 * Stops where going on would be a guess.
 *
 * @throws AppError `history-conflict` with every conflict, `image-too-old` when the schema has left this image behind
 */
export function assertUsable(history: History, config: Pick<Config, "schemaAhead">): void {
  const { conflicts, breaking, ahead } = history;
  if (conflicts.length > 0) {
    const ground = conflicts.find(({ kind }) => kind === "foreign-history" || kind === "nonempty-database");
    throw new AppError(
      "history-conflict",
      ground !== undefined
        ? `${ground.message} Nothing was run.`
        : `The migration files and the history of this database disagree; nothing was run:\n${conflicts.map(({ message }) => `  - ${message}`).join("\n")}`,
      { details: { conflicts: conflicts.map(({ kind, name }) => ({ kind, name })) } },
    );
  }
  const newest = ahead.at(-1)?.name;
  if (breaking.length > 0) {
    throw new AppError(
      "image-too-old",
      `This image is too old for the schema: ${breaking.map(({ name }) => name).join(", ")} marked as breaking ${breaking.length === 1 ? "is" : "are"} applied and not part of this image. Deploy a newer image.`,
      { details: { breaking: breaking.map(({ name }) => name) } },
    );
  }
  if (config.schemaAhead === "refuse" && ahead.length > 0) {
    throw new AppError(
      "image-too-old",
      `The schema is ${ahead.length} ${ahead.length === 1 ? "migration" : "migrations"} ahead of this image (up to ${newest}), and MIGRATE_SCHEMA_AHEAD=refuse.`,
    );
  }
}
