import { AppError } from "../../errors.ts";
import type { KnownMigration } from "../history.ts";
import { readMigrationText } from "../migration-text.ts";
import { withoutFile } from "./without-file.ts";

/** A file that says which revisions it holds and which one each of them follows. */
interface ChainFile {
  readonly file: KnownMigration;
  /** By revision, in the order of the file. */
  readonly revisions: ReadonlyMap<string, readonly string[]>;
}

/**
 * alembic's table holds only the heads: what they follow is applied, too. Where the files say what they follow, as
 * `alembic upgrade --sql` and the head of a revision file do, the chain decides; else the order of the files.
 *
 * @param heads the revisions in alembic's table; several where branches were not merged
 * @throws AppError `history-conflict` when a revision has no file, or the order does not tell which branch a file is of
 */
export function matchAlembic(heads: readonly string[], known: readonly KnownMigration[]): KnownMigration[] {
  const chain = known.map((file) => ({ file, revisions: readRevisions(file) }));
  const headFiles = heads.map((head) => findHead(head, chain));
  const unmatched = heads.filter((_, index) => headFiles[index] === undefined);
  if (unmatched.length > 0) throw withoutFile("alembic", unmatched);
  const found = headFiles.filter((file) => file !== undefined);
  const newest = found.reduce((top, { version }) => (version > top ? version : top), -1n);
  const below = chain.filter(({ file }) => file.version <= newest);
  return below.every(({ revisions }) => revisions.size > 0)
    ? byChain(heads, chain)
    : byOrder(
        heads,
        found,
        below.map(({ file }) => file),
      );
}

/** `-- Running upgrade a, b -> c` of a script, `Revision ID: c` and `Revises: a, b` of a revision file. */
function readRevisions({ upPath }: KnownMigration): Map<string, readonly string[]> {
  const content = readMigrationText(upPath);
  const revisions = new Map<string, readonly string[]>();
  if (typeof content === "string") return revisions;
  for (const [, from = "", to = ""] of content.text.matchAll(
    /^--[ \t]*Running upgrade[ \t]+(.*?)[ \t]*->[ \t]*(\S+)/gim,
  ))
    revisions.set(to, listOf(from));
  if (revisions.size > 0) return revisions;
  const id = /^\W*Revision(?: ID)?:[ \t]*(\S+)/im.exec(content.text)?.[1];
  const revises = /^\W*(?:Down )?Revises:[ \t]*(.*)$/im.exec(content.text)?.[1];
  if (id !== undefined && revises !== undefined) revisions.set(id, listOf(revises));
  return revisions;
}

function listOf(words: string): string[] {
  return words
    .split(",")
    .map((word) => word.trim().replace(/^['"]|['"]$/g, ""))
    .filter((word) => word !== "" && word !== "None" && word !== "base");
}

/** The file that ends with this revision, by its text or by its name. */
function findHead(head: string, chain: readonly ChainFile[]): KnownMigration | undefined {
  const holder = chain.find(({ revisions }) => revisions.has(head));
  if (holder !== undefined) return holder.file;
  const isIn = ({ name }: KnownMigration): boolean =>
    `_${name}_`.replaceAll(/[.-]/g, "_").includes(`_${head}_`);
  const named = chain.filter(({ file }) => isIn(file));
  return named.length === 1 ? named[0]!.file : undefined;
}

function byChain(heads: readonly string[], chain: readonly ChainFile[]): KnownMigration[] {
  const holderOf = new Map(
    chain.flatMap((each) => [...each.revisions.keys()].map((revision) => [revision, each] as const)),
  );
  const applied = new Set<string>();
  const unmatched: string[] = [];
  const left = [...heads];
  for (let revision = left.pop(); revision !== undefined; revision = left.pop()) {
    if (applied.has(revision)) continue;
    applied.add(revision);
    const holder = holderOf.get(revision);
    if (holder === undefined) unmatched.push(revision);
    else left.push(...(holder.revisions.get(revision) ?? []));
  }
  if (unmatched.length > 0) throw withoutFile("alembic", unmatched);
  return chain.flatMap(({ file, revisions }) => {
    const done = [...revisions.keys()].filter((revision) => applied.has(revision));
    if (done.length === 0) return [];
    if (done.length === revisions.size) return [file];
    throw new AppError(
      "history-conflict",
      `alembic has applied ${done.length} of the ${revisions.size} revisions in ${file.name}: that file is half applied. ` +
        "Split it behind the last one that is applied, or upgrade with alembic as far as the file goes. Nothing was taken over.",
    );
  });
}

function byOrder(
  heads: readonly string[],
  headFiles: readonly KnownMigration[],
  below: readonly KnownMigration[],
): KnownMigration[] {
  const lowest = headFiles.reduce<bigint | undefined>(
    (low, { version }) => (low === undefined || version < low ? version : low),
    undefined,
  );
  const between = below.filter((file) => file.version > (lowest ?? 0n) && !headFiles.includes(file));
  if (between.length === 0) return [...below];
  throw new AppError(
    "history-conflict",
    `alembic has ${heads.length} heads (${heads.join(", ")}), and the files do not say which of them ${between.map(({ name }) => name).join(", ")} belongs to. ` +
      "Merge the heads with `alembic merge`, write `-- Revision ID: …` and `-- Revises: …` into the files, or say how far the schema is: migrate baseline VERSION --adopt alembic.",
  );
}
