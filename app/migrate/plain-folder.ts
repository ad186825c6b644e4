import { readdirSync } from "node:fs";
import { sep } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { readPlainChecksums } from "./migration-text.ts";

/** What comparing with a history that is at head needs of a folder, and nothing more. */
export interface PlainFolder {
  /** In the order of their numbers, which is the order of their bytes. */
  readonly names: readonly string[];
  readonly checksums: readonly string[];
}

const plainName = /^\d+_[A-Za-z0-9_.-]+\.(?:up|down)\.sql$/;
const longestFileName = 180;
const sliceSize = 20;

/**
 * The short way for the folder that nearly every start finds: SQL files with numbers of one width, each up alone or
 * beside its own down. It makes no value for each file, which would have to be collected again.
 *
 * A few files at a time: in between the process attends to a connection that is being made.
 *
 * @returns undefined where anything is otherwise, or looks wrong: then the folder must be looked at properly
 */
export async function readPlainFolder(directory: string): Promise<PlainFolder | undefined> {
  await nextTurn();
  const names = readPlainNames(directory);
  if (names === undefined) return undefined;
  const checksums: string[] = [];
  for (let from = 0; from < names.length; from += sliceSize) {
    await nextTurn();
    const paths = names.slice(from, from + sliceSize).map((name) => `${directory}${sep}${name}.up.sql`);
    const some = readPlainChecksums(paths, "deferred");
    if (some === undefined) return undefined;
    checksums.push(...some);
  }
  return { names, checksums };
}

function readPlainNames(directory: string): string[] | undefined {
  const names: string[] = [];
  let [width, lastDigits, down] = [0, "", ""];
  try {
    // In the order of their bytes, as libuv sorts them; a number that is used twice, or a down without its up, is next to its like.
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const { name } = entry;
      if (!plainName.test(name) || name.length > longestFileName || !entry.isFile()) return undefined;
      const isDown = name.endsWith(".down.sql");
      const stem = name.slice(0, isDown ? -".down.sql".length : -".up.sql".length);
      if (down !== "" && (isDown || stem !== down)) return undefined;
      if (isDown) {
        down = stem;
        continue;
      }
      down = "";
      const digits = stem.slice(0, stem.indexOf("_"));
      width ||= digits.length;
      if (digits.length !== width || width > 19 || digits <= lastDigits) return undefined;
      lastDigits = digits;
      names.push(stem);
    }
  } catch {
    return undefined;
  }
  return down === "" && names.length > 0 ? names : undefined;
}
