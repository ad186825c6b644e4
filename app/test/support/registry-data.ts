import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { projectRoot } from "../../version.ts";

/** The folder of the registry's real data: too big for the repository, so it may not be there. */
const folder = process.env["HEADGATE_REGISTRY_DATA"] ?? resolve(projectRoot, "../shared/registry/data");

/** The path of a file of real data, or undefined. */
export function findRegistryData(file: string): string | undefined {
  const path = join(folder, file);
  return existsSync(path) ? path : undefined;
}

/** Why a test of these files cannot run; undefined: they are all there. */
export function reasonWithout(...paths: readonly (string | undefined)[]): string | undefined {
  if (!paths.includes(undefined)) return undefined;
  return "set HEADGATE_REGISTRY_DATA to the folder of the real data";
}

/** The parsed lines of a JSONL file. */
export function readJsonLines<T>(path: string): T[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line): T => JSON.parse(line));
}
