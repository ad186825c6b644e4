import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../../version.ts";

/** Brings a database to head with the built program, as a user would, the deferred migrations included. */
export async function applyMigrations(url: string): Promise<void> {
  for (const command of ["up", "deferred"]) {
    await promisify(execFile)(
      process.execPath,
      [join(projectRoot, "dist", "scripts", "migrate.js"), command, "--yes"],
      { cwd: projectRoot, env: { PATH: process.env["PATH"], DATABASE_URL: url } },
    );
  }
}
