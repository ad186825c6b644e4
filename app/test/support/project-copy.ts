import {
  cpSync,
  mkdtempSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../version.ts";

export interface ProjectCopy {
  readonly root: string;
  /** Of a file below it. */
  path(...names: string[]): string;
  remove(): void;
}

/**
 * The compiled project in a folder of its own (with a space in its name), so that a test has a `.data` of its own. Its
 * packages are links; with `ownPostgres` the embedded PostgreSQL is not, and is as hard to reach as the copy itself.
 */
export function copyProject({ ownPostgres = false } = {}): ProjectCopy {
  const root = mkdtempSync(join(tmpdir(), "headgate copy "));
  chmodSync(root, 0o755);
  const files = [
    "dist",
    "migrations",
    "package.json",
    "docker-entrypoint.sh",
    "scripts/embedded-postgres/guard.sh",
  ];
  for (const file of files) {
    if (existsSync(join(projectRoot, file)))
      cpSync(join(projectRoot, file), join(root, file), { recursive: true });
  }
  const packages = join(projectRoot, "node_modules");
  if (ownPostgres) copyPackages(packages, join(root, "node_modules"));
  else symlinkSync(packages, join(root, "node_modules"));
  return {
    root,
    path: (...names) => join(root, ...names),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function copyPackages(from: string, to: string): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    if (name === "@embedded-postgres" || name === "embedded-postgres") {
      cpSync(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true });
    } else symlinkSync(join(from, name), join(to, name));
  }
}
