import { availableParallelism } from "node:os";
import { basename, resolve } from "node:path";
import { AppError } from "../../errors.ts";
import { filesInvalid, readMigrationFolder, type MigrationFile } from "../files.ts";
import type { FolderConfig } from "../known-migrations.ts";
import { ledgerTableNames } from "../ledger-tables.ts";
import { readMigrationText } from "../migration-text.ts";
import { withDown } from "../prepare.ts";
import { migrationsDirectory } from "../migration-session.ts";
import { usualWidth } from "./file-rules.ts";
import { countSeverities, type Finding, type SeverityCounts } from "./finding.ts";
import { judgeFile, type Subject } from "./judge-file.ts";

/** The PostgreSQL whose parser judges, and the newest that squawk knows. */
export const newestServer = 18;
export const oldestServer = 13;

export interface LintOptions {
  /** Major version of the server that the migrations are for; the newest unless given. */
  readonly serverVersion?: number | undefined;
  /** Only migrations above this version are judged. */
  readonly since?: bigint | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface LintedMigration {
  /** The digits as the file name has them. */
  readonly version: string;
  readonly name: string;
  readonly findings: readonly Finding[];
}

export interface LintReport {
  readonly serverVersion: number;
  /** Every migration that was judged, in order, also those without findings. */
  readonly migrations: readonly LintedMigration[];
  readonly files: number;
  readonly counts: SeverityCounts;
}

/**
 * Judges migrations by our rules and squawk's. Needs no database and writes nothing.
 *
 * @param from the folder of migrations, or the configuration that names it
 * @param only versions, names, file names or paths (as seen from the current folder); without any, all are judged
 * @throws AppError `usage` for an `only` that is no migration, `configuration` and `migration-files-invalid` as
 *   `readMigrationFolder`
 */
export async function lintMigrations(
  from: string | FolderConfig,
  only: readonly string[] = [],
  options: LintOptions = {},
): Promise<LintReport> {
  const directory = typeof from === "string" ? from : migrationsDirectory(from);
  const { serverVersion = newestServer, since, signal } = options;
  const leftOut: string[] = [];
  const ignore = typeof from === "string" ? undefined : from.migrationsIgnore;
  const all = readMigrationFolder(directory, { ignore, leftOut });
  // Whoever names files asks about these.
  if (leftOut.length > 0 && only.length === 0) throw filesInvalid(directory, leftOut);
  const subjects = select(all.flatMap(subjectsOf), only, directory).filter(
    ({ file }) => since === undefined || file.version > since,
  );
  const width = usualWidth(all);
  const table = typeof from === "string" ? undefined : from.migrationsTable;
  const ledger = ledgerTableNames(table ?? "schema_migrations");
  const judged = await judgeAll(subjects, async (subject) => {
    signal?.throwIfAborted();
    return await judgeFile(subject, { serverVersion, width, ledger, signal });
  });
  const byName = new Map<string, LintedMigration & { findings: Finding[] }>();
  for (const [index, { file }] of subjects.entries()) {
    const findings = judged[index] ?? [];
    const migration = byName.get(file.name);
    if (migration === undefined)
      byName.set(file.name, { version: file.versionText, name: file.name, findings });
    else migration.findings.push(...findings);
  }
  return {
    serverVersion,
    migrations: [...byName.values()],
    files: subjects.length,
    counts: countSeverities(judged.flat()),
  };
}

function subjectsOf(found: MigrationFile): Subject[] {
  const content = readMigrationText(found.upPath);
  const file = typeof content === "string" ? found : withDown(found, content.text);
  const up: Subject = { file, direction: "up", path: file.upPath };
  if (file.downPath === undefined || file.kind === "code") return [up];
  return [up, { file, direction: "down", path: file.downPath }];
}

/** The files that the words mean, each once, in the order of the folder. */
function select(
  subjects: readonly Subject[],
  words: readonly string[],
  directory: string,
): readonly Subject[] {
  if (words.length === 0) return subjects;
  const chosen = new Set<Subject>();
  for (const word of words) {
    const meant = subjects.filter((subject) => isMeant(subject, word));
    if (meant.length === 0) {
      throw new AppError(
        "usage",
        `"${word}" is no migration in ${directory}; give a version, a name, or a path to a file there.`,
      );
    }
    for (const subject of meant) chosen.add(subject);
  }
  return subjects.filter((subject) => chosen.has(subject));
}

function isMeant({ file, path }: Subject, word: string): boolean {
  if (/^\d{1,19}$/.test(word)) return BigInt(word) === file.version;
  return word === file.name || word === basename(path) || resolve(word) === resolve(path);
}

/** In order, a few at a time: each file may have a process of its own. */
async function judgeAll(
  subjects: readonly Subject[],
  judge: (subject: Subject) => Promise<Finding[]>,
): Promise<Finding[][]> {
  const results: Finding[][] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < subjects.length; index = next++)
      results[index] = await judge(subjects[index]!);
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  return results;
}
