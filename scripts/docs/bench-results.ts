import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../app/version.ts";

/** What `npm run bench` has measured so far, as a part of another page: without its title, one level deeper. */
export function benchResults(): string {
  return readFileSync(join(projectRoot, "bench", "results.md"), "utf8")
    .replaceAll(/^<!--.*-->\n/gm, "")
    .replaceAll(/^# .*\n/gm, "")
    .replaceAll(/^## /gm, "### ")
    .trim();
}
