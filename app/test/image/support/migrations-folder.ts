import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface MigrationsFolder {
  /** Options of `docker run` that mount it, read-only, where the image has its own. */
  readonly mount: readonly string[];
  remove(): Promise<void>;
}

/** A folder of this machine with these migrations, which every user may read: their SQL by file name. */
export async function createMigrationsFolder(
  files: Readonly<Record<string, string>>,
): Promise<MigrationsFolder> {
  const folder = await mkdtemp(join(tmpdir(), "headgate-migrations-"));
  await chmod(folder, 0o755);
  for (const [name, sql] of Object.entries(files)) await writeFile(join(folder, name), sql, { mode: 0o644 });
  return {
    mount: ["--volume", `${folder}:/app/migrations:ro`],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
