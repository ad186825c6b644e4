import { readdirSync, type Dirent } from "node:fs";
import { join } from "node:path";
import type { IsIgnored } from "./ignored-names.ts";

const sqlDialect = /\.(?:psql|pgsql|plpgsql|plsql|tsql|mysql|ddl|dml|pg)(?![a-z0-9])/i;
/** `.sql` with something behind it: a back-up, a template, a compressed file. */
const sqlAndMore = /\.sql(?![a-z0-9]).+$/i;
const direction = /\.(?:up|down)(?:[^a-z0-9]|$)/i;
const numbered = /^[#(]?(?:[VUR]\d|-?\d)/i;
const otherLanguage =
  /\.(?:go|py|rb|php|java|kts?|groovy|cs|fs|exs?|rs|jsx|tsx|coffee|cljc?|scala|swift|lua|pl|sh|bash|ps1|xml|ya?ml)$/i;
/** Code that was put aside; `.js.map` is what a compiler writes. */
const codeAside =
  /\.[cm]?[jt]s(?:~|[._-](?:bak|backup|old|orig|rej|tmp|disabled|off|save|swp|copy|gz|\d+))$/i;
const noEnding = /^\d+_[A-Za-z0-9_-]+~?$/;
const putAside =
  /(?:~|#|[._-](?:bak|backup|old|orig|rej|tmp|temp|disabled|off|save|saved|swp|swo|copy|gz|zst|bz2|xz|zip|\d+))$/i;

/** Why a name that we do not read looks like a migration, and what to do; undefined for one that does not. */
export function whyLeftOut(fileName: string): string | undefined {
  const isLike =
    sqlDialect.test(fileName) ||
    sqlAndMore.test(fileName) ||
    direction.test(fileName) ||
    noEnding.test(fileName) ||
    (numbered.test(fileName) && (otherLanguage.test(fileName) || codeAside.test(fileName)));
  if (!isLike) return undefined;
  if (putAside.test(fileName))
    return `looks like a migration that was put aside, and is not run; ${wayOut("remove it")}`;
  const better = betterName(fileName);
  const rename =
    better === undefined ? "rewrite it as SQL, TypeScript or JavaScript" : `rename it to ${better}`;
  return `looks like a migration and is not run: only .sql, .ts, .js, .mts and .mjs are; ${wayOut(rename)}`;
}

function betterName(fileName: string): string | undefined {
  const match = /^(\d+_[A-Za-z0-9_-]+)(?:\.(up|down))?(?:\.([a-z]+))?$/i.exec(fileName);
  if (match === null || (match[3] !== undefined && otherLanguage.test(fileName))) return undefined;
  return `${match[1]}.${(match[2] ?? "up").toLowerCase()}.sql`;
}

function wayOut(fix: string): string {
  return `${fix}, move it out of this folder, or name it in MIGRATIONS_IGNORE.`;
}

const deepest = 4;
const readable = /\.(?:sql|[cm]?[jt]s)\s*$/i;

/** The same for a folder in the folder of migrations, by the first of the files in it that look like migrations. */
export function whyFolderLeftOut(
  directory: string,
  folder: string,
  isIgnored: IsIgnored,
): string | undefined {
  const found = [...migrationsBelow(directory, folder, isIgnored, deepest)];
  const [first] = found;
  if (first === undefined) return undefined;
  const more = found.length === 1 ? "" : ` and ${found.length - 1} more`;
  return `is a folder, and sub-folders are not read: ${first}${more} would not run. Move what is to run up into the folder of migrations, the rest out of it, or name it in MIGRATIONS_IGNORE.`;
}

function* migrationsBelow(
  directory: string,
  folder: string,
  isIgnored: IsIgnored,
  depth: number,
): Generator<string> {
  for (const entry of entriesOf(join(directory, folder))) {
    const { name } = entry;
    const path = `${folder}/${name}`;
    if (name.startsWith(".") || name === "node_modules" || isIgnored(path)) continue;
    if (entry.isDirectory()) {
      if (depth > 1) yield* migrationsBelow(directory, path, isIgnored, depth - 1);
    } else if (isMigrationLike(name)) yield path;
  }
}

function isMigrationLike(name: string): boolean {
  if (/^(?:up|down|migration)\.sql$/i.test(name)) return true;
  if (/\.d\.[cm]?ts$/i.test(name) || !(numbered.test(name) || direction.test(name))) return false;
  return readable.test(name) || whyLeftOut(name) !== undefined;
}

function entriesOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}
