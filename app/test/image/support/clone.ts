import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { projectRoot } from "../../../version.ts";

const notCloned = new Set([".git", ".data", ".env", ".secrets", "node_modules", "dist", "coverage"]);

/** A copy of this folder as a fresh clone has it; its path. */
export async function copyClone(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "headgate-image-"));
  await cp(projectRoot, folder, { recursive: true, filter: isPartOfClone });
  return folder;
}

export function removeClone(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

function isPartOfClone(path: string): boolean {
  return path === projectRoot || !notCloned.has(basename(path));
}
