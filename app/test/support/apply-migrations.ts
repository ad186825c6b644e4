import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../../version.ts";

/** Brings a database to head with the built program, as a user would. */
export async function applyMigrations(url: string): Promise<void> {
  await promisify(execFile)(
    process.execPath,
    [join(projectRoot, "dist", "scripts", "migrate.js"), "up", "--yes"],
    { cwd: projectRoot, env: { PATH: process.env["PATH"], DATABASE_URL: url } },
  );
}
