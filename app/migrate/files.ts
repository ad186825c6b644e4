import { readdirSync, statSync, type Dirent } from "node:fs";
import { join, sep } from "node:path";
import { AppError, messageOf } from "../errors.ts";
import { createIgnore, type IsIgnored } from "./ignored-names.ts";
import { whyFolderLeftOut, whyLeftOut } from "./left-out.ts";
import { readMigrationText } from "./migration-text.ts";
import { findSplittingComment } from "./section-marks.ts";
import { sectionOf } from "./section-text.ts";

/** A migration as the folder shows it; its text is read by `readMigration`. */
export interface MigrationFile {
  /** Compared as a number of any size. */
  readonly version: bigint;
  /** The digits as written in the file name. */
  readonly versionText: string;
  /** The file name without direction and extension: `000001_create_server_tables`. The name in the ledger. */
  readonly name: string;
  readonly kind: "sql" | "code";
  readonly upPath: string;
  /** For `code` the same file as `upPath`; also for SQL in node-pg-migrate's own form, once its text was read. */
  readonly downPath: string | undefined;
}

const migrationName = /^(\d+)_([A-Za-z0-9_.-]+?)(?:\.(up|down))?\.(sql|ts|js|mjs|mts)$/;
/** The library keeps 255 characters of a name. */
const longestName = 200;
/** More digits than a PostgreSQL bigint can hold would not be a version of any known tool. */
export const longestVersion = 19;

/** How a folder is looked at. */
export interface FolderOptions {
  /** Patterns (MIGRATIONS_IGNORE) of names that are not looked at unless they are read as migrations. */
  readonly ignore?: string | undefined;
  /** Gets a sentence for each thing that looks like a migration and is not read as one. */
  readonly leftOut?: string[];
}

/**
 * The migrations of a folder in the order of their versions. Nothing is read but names, and files that do not say by
 * their name in which direction they go.
 *
 * @throws AppError `configuration` for a missing, unreadable or empty folder; `migration-files-invalid` with one line
 *   for each file that is not what it seems, so that nothing runs before the folder is sound
 */
export function readMigrationFolder(
  directory: string,
  { ignore, leftOut = [] }: FolderOptions = {},
): MigrationFile[] {
  const entries = readFolder(directory);
  const isIgnored = createIgnore(ignore);
  const problems: string[] = [];
  const groups = new Map<bigint, FoundFile[]>();
  for (const entry of entries) {
    const file = plainFile(entry) ?? classify(entry, directory, isIgnored, problems, leftOut);
    if (file === undefined) continue;
    const others = groups.get(file.version);
    if (others === undefined) groups.set(file.version, [file]);
    else others.push(file);
  }
  const migrations = [...groups.values()].flatMap((files) => pair(files, directory, problems) ?? []);
  if (problems.length > 0) throw filesInvalid(directory, problems);
  if (migrations.length === 0) {
    throw new AppError(
      "configuration",
      [
        `There are no migrations in ${directory}. Is the right folder mounted? (MIGRATIONS_DIR)`,
        ...leftOut.slice(0, 3),
      ].join("\n  - "),
    );
  }
  return migrations.toSorted((a, b) => (a.version < b.version ? -1 : 1));
}

/** One failure that lists everything that is wrong with a folder's files. */
export function filesInvalid(directory: string, problems: readonly string[]): AppError {
  return new AppError(
    "migration-files-invalid",
    `The migrations in ${directory} cannot be used; nothing was run:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    { details: { problems } },
  );
}

interface FoundFile {
  readonly fileName: string;
  readonly version: bigint;
  readonly versionText: string;
  readonly name: string;
  readonly direction: "up" | "down" | "both";
  readonly kind: "sql" | "code";
}

function readFolder(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    throw new AppError(
      "configuration",
      `The folder of migrations ${directory} cannot be read: ${messageOf(error)}. Is it mounted, and is MIGRATIONS_DIR right?`,
      { cause: error },
    );
  }
}

const plainName = /^(\d{1,19})_([A-Za-z0-9_.-]{1,180})\.(up|down)\.sql$/;

/** The short way for what nearly all files are: every start looks at all of them. Undefined for any other. */
function plainFile(entry: Dirent): FoundFile | undefined {
  const match = plainName.exec(entry.name);
  if (match === null || !entry.isFile()) return undefined;
  const versionText = match[1]!;
  return {
    fileName: entry.name,
    // Parsing digits into a bigint costs more than a microsecond; every start does it for each file.
    version: BigInt(versionText.length <= 15 ? Number(versionText) : versionText),
    versionText,
    name: `${versionText}_${match[2]}`,
    direction: match[3] as "up" | "down",
    kind: "sql",
  };
}

/** What a directory entry is as a migration; undefined when it is none of our business, or a problem. */
function classify(
  entry: Dirent,
  directory: string,
  isIgnored: IsIgnored,
  problems: string[],
  leftOut: string[],
): FoundFile | undefined {
  const own: string[] = [];
  const others: string[] = [];
  const file = classifyUnlessIgnored(entry, directory, isIgnored, own, others);
  if (own.length + others.length > 0 && isIgnored(entry.name)) return undefined;
  problems.push(...own);
  leftOut.push(...others);
  return file;
}

function classifyUnlessIgnored(
  entry: Dirent,
  directory: string,
  isIgnored: IsIgnored,
  problems: string[],
  leftOut: string[],
): FoundFile | undefined {
  const fileName = entry.name;
  const leave = (why: string | undefined): void => {
    if (why !== undefined) leftOut.push(`${shown(fileName)} ${why}`);
  };
  // Dot files: a mounted ConfigMap has `..data`. Type declarations are no migrations.
  if (fileName.startsWith(".") || /^readme/i.test(fileName) || /\.d\.m?ts$/.test(fileName)) return undefined;
  const looksLikeOne =
    /\.sql\s*$/i.test(fileName) || /^-?\d+[_.-].*\.(?:ts|js|mjs|mts|cjs|cts)$/i.test(fileName);
  const kind = kindOf(entry, join(directory, fileName));
  if (kind === "folder") {
    if (looksLikeOne)
      problems.push(`${shown(fileName)} is a folder with a migration's name; rename or remove it.`);
    else if (isOtherLayout(directory, fileName)) {
      problems.push(
        `${shown(fileName)}/ holds up.sql or migration.sql: this looks like diesel's or prisma's layout; copy it to ${nameForFolder(fileName)}.up.sql.`,
      );
    } else if (fileName !== "node_modules") leave(whyFolderLeftOut(directory, fileName, isIgnored));
    return undefined;
  }
  if (!looksLikeOne) {
    leave(whyLeftOut(fileName));
    return undefined;
  }
  if (kind === "dangling") {
    problems.push(`${shown(fileName)} is a link to a file that does not exist.`);
    return undefined;
  }
  if (kind === "other") {
    problems.push(`${shown(fileName)} is neither a file nor a link to one; remove it.`);
    return undefined;
  }
  const match = migrationName.exec(fileName);
  // `x.UP.sql` has the form of a name without direction.
  if (match === null || (match[3] === undefined && /\.(?:up|down)\.sql$/i.test(fileName))) {
    problems.push(`${shown(fileName)} ${whyNoMigration(fileName)}`);
    return undefined;
  }
  const [, versionText = "", rest = "", direction, extension] = match;
  const name = `${versionText}_${rest}`;
  if (versionText.length > longestVersion)
    problems.push(`${shown(fileName)}: a version has at most ${longestVersion} digits.`);
  if (name.length > longestName)
    problems.push(
      `${shown(fileName)}: a name has at most ${longestName} characters, this one ${name.length}.`,
    );
  const isSql = extension === "sql";
  if (isSql && direction === undefined) {
    const why = whyNoDirection(directory, fileName, name);
    if (why !== undefined) problems.push(`${shown(fileName)} ${why}`);
  }
  if (!isSql && direction !== undefined) {
    problems.push(
      `${shown(fileName)}: a TypeScript or JavaScript migration holds up and down in one file named ${name}.${extension}.`,
    );
    return undefined;
  }
  return {
    fileName,
    version: BigInt(versionText),
    versionText,
    name,
    kind: isSql ? "sql" : "code",
    direction: isSql ? ((direction as "up" | "down" | undefined) ?? "up") : "both",
  };
}

/** node-pg-migrate's own form says both in one file; undefined for that. */
function whyNoDirection(directory: string, fileName: string, name: string): string | undefined {
  const content = readMigrationText(join(directory, fileName));
  const text = typeof content === "string" ? "" : content.text;
  if (sectionOf(text, "up") !== undefined) return undefined;
  const mark = findSplittingComment(text);
  return mark === undefined
    ? `says neither up nor down; name it ${name}.up.sql, and put what takes it back into ${name}.down.sql.`
    : `says neither up nor down, and holds both: line ${mark.line}, "${mark.text}", begins the part that reverts. Put what applies into ${name}.up.sql and what reverts into ${name}.down.sql, without the marks.`;
}

/** Long names are cut in the middle, and control characters shown as what they are. */
function shown(fileName: string): string {
  const printable = fileName.replaceAll(
    /[\p{Cc}\p{Cf}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  return printable.length <= 80 ? printable : `${printable.slice(0, 50)}…${printable.slice(-20)}`;
}

/** `other`: a pipe or a device, from which one could read for ever. Links are followed. */
function kindOf(entry: Dirent, path: string): "file" | "folder" | "dangling" | "other" {
  try {
    const found = entry.isSymbolicLink() ? statSync(path) : entry;
    return found.isFile() ? "file" : found.isDirectory() ? "folder" : "other";
  } catch {
    return "dangling";
  }
}

/** diesel's `2024-01-31-101500_name` without the hyphens, which would end the number. */
function nameForFolder(folder: string): string {
  return folder.replace(/^[\d-]+/, (digits) => digits.replaceAll("-", "")).replaceAll("-", "_");
}

function isOtherLayout(directory: string, folder: string): boolean {
  if (!/^\d/.test(folder)) return false;
  try {
    return readdirSync(join(directory, folder)).some((name) => name === "up.sql" || name === "migration.sql");
  } catch {
    return false;
  }
}

function whyNoMigration(fileName: string): string {
  if (/^V\d.*__/i.test(fileName)) return "has Flyway's form; rename it to NNNNNN_name.up.sql.";
  if (/\.[A-Z]+$/.test(fileName) || /\.(?:UP|DOWN)\./i.test(fileName) !== /\.(?:up|down)\./.test(fileName)) {
    return "has an upper-case ending; write .up.sql or .down.sql in lower case.";
  }
  if (!/^\d/.test(fileName))
    return "has no version number in front; name it NNNNNN_name.up.sql, or move it out of this folder.";
  if (/[^A-Za-z0-9_.-]/.test(fileName))
    return "has characters other than A-Z a-z 0-9 _ . - in its name; rename it.";
  return "is not named NNNNNN_name.up.sql (or .down.sql, .ts, .js); rename it or move it out of this folder.";
}

/** The migration that the files of one version make. */
function pair(files: readonly FoundFile[], directory: string, problems: string[]): MigrationFile | undefined {
  const [only] = files;
  if (files.length === 1 && only!.direction === "up") return migrationOf(directory, only!, undefined);
  const ups = files.filter(({ direction }) => direction !== "down");
  const downs = files.filter(({ direction }) => direction === "down");
  const [up, down] = [ups[0], downs[0]];
  if (up === undefined) {
    problems.push(...downs.map((file) => `${shown(file.fileName)} has no up file beside it.`));
    return undefined;
  }
  const names = (list: readonly FoundFile[]): string =>
    list.map(({ fileName }) => shown(fileName)).join(", ");
  if (ups.length > 1 || downs.length > 1) {
    problems.push(
      `Version ${up.versionText} is used twice: ${names(ups.length > 1 ? ups : downs)}. Give one of them the next free number.`,
    );
    return undefined;
  }
  if (down !== undefined && up.direction === "both") {
    problems.push(
      `${shown(down.fileName)} and ${shown(up.fileName)} are both the down of version ${up.versionText}; remove one.`,
    );
    return undefined;
  }
  if (down !== undefined && down.name !== up.name) {
    problems.push(
      `${shown(up.fileName)} and ${shown(down.fileName)} have the same version and different names; rename one.`,
    );
    return undefined;
  }
  return migrationOf(directory, up, down);
}

function migrationOf(directory: string, up: FoundFile, down: FoundFile | undefined): MigrationFile {
  const upPath = directory + sep + up.fileName;
  return {
    version: up.version,
    versionText: up.versionText,
    name: up.name,
    kind: up.kind,
    upPath,
    downPath: up.direction === "both" ? upPath : down && directory + sep + down.fileName,
  };
}
