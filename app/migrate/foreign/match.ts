import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { KnownMigration } from "../history.ts";
import { plainWord, type Entry } from "./entry.ts";
import { matchAlembic } from "./match-alembic.ts";
import { withoutFile } from "./without-file.ts";

/**
 * The migrations of this image that a foreign history says are applied.
 *
 * @param at how far the schema is, said by a person: the newest applied version
 * @throws AppError `history-conflict` when an entry has no file here, or it is not certain which
 */
export function matchForeignHistory(
  tool: string,
  entries: readonly Entry[],
  known: readonly KnownMigration[],
  at: bigint | undefined,
): KnownMigration[] {
  if (at !== undefined) return known.filter(({ version }) => version <= at);
  if (tool === "alembic") {
    const heads = entries.map(({ label }) => label);
    return matchAlembic(heads, known);
  }
  const matched = new Set<KnownMigration>();
  const unmatched: string[] = [];
  const floor = entries.reduce(
    (top, { version, optional }) => (optional && version! > top ? version! : top),
    -1n,
  );
  const findFile = createFinder(known);
  for (const entry of entries) {
    if (entry.upTo && entry.version !== undefined)
      for (const file of known) if (file.version <= entry.version) matched.add(file);
    const found = findFile(entry);
    if (typeof found === "object") matched.add(found);
    else if (!entry.optional && !(entry.version !== undefined && entry.version <= floor))
      unmatched.push(found === undefined ? entry.label : `${entry.label} (${found})`);
  }
  if (unmatched.length > 0) throw withoutFile(tool, unmatched);
  return known.filter((file) => matched.has(file));
}

/** Numbers of so many digits are moments: two migrations do not have the same one by chance. */
const shortestMoment = 8;

/** @returns of an entry its file; undefined or a remark where there is none */
function createFinder(
  known: readonly KnownMigration[],
): (entry: Entry) => KnownMigration | string | undefined {
  const byName = new Map(known.map((file) => [file.name.toLowerCase(), file]));
  const byVersion = new Map(known.map((file) => [file.version, file]));
  let byHash: ReadonlyMap<string, KnownMigration | null> | undefined;
  return ({ name, version, word, byWord, hash: sum }) => {
    const same = name === undefined ? undefined : byName.get(name.toLowerCase());
    if (same !== undefined) return same;
    if (sum !== undefined) {
      byHash ??= readHashes(known);
      const file = byHash.get(sum);
      if (file !== undefined) return file ?? "several files have that content";
    }
    if (byWord && word !== undefined) {
      const found = known.filter((file) => plainWord(wordOf(file)) === plainWord(word));
      return found.length > 1 ? `${found.map((file) => file.name).join(" or ")}?` : found[0];
    }
    const file = version === undefined ? undefined : byVersion.get(version);
    if (file === undefined || word === undefined) return file;
    return file.versionText.length >= shortestMoment || plainWord(wordOf(file)) === plainWord(word)
      ? file
      : `number ${version} is ${file.name} here`;
  };
}

function wordOf({ name }: KnownMigration): string {
  return name.replace(/^\d+/, "");
}

/** By hash of its bytes, and of those with LF line ends; null where several files have the same. */
function readHashes(known: readonly KnownMigration[]): ReadonlyMap<string, KnownMigration | null> {
  const found = new Map<string, KnownMigration | null>();
  for (const file of known) {
    const bytes = readFileSync(file.upPath);
    const unix = Buffer.from(bytes.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
    for (const sum of new Set([hash("sha256", bytes), hash("sha256", unix)]))
      found.set(sum, found.has(sum) ? null : file);
  }
  return found;
}
