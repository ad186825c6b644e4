import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder that holds package.json, docker-entrypoint.sh and migrations/, also when this runs from dist/. */
export const projectRoot: string = findRoot(import.meta.dirname);

/** Headgate's own version, from package.json. */
export const version: string = readVersion();

/** The revision (commit) that the image was built from; "unknown" outside an image that was told. */
export function imageRevision(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env["HEADGATE_REVISION"] || "unknown";
}

function findRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) throw new Error(`no package.json above ${start}`);
  }
}

function readVersion(): string {
  const manifest = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}
