import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { AppError } from "../../app/errors.ts";

/** How to start a program as the user that PostgreSQL runs as. */
export interface Launch {
  /** Words before the command. */
  readonly prefix: readonly string[];
  /** For child_process.spawn; it drops supplementary groups too. */
  readonly ids: { readonly uid?: number; readonly gid?: number };
}

export interface ServerUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const asOurselves: Launch = { prefix: [], ids: {} };

/**
 * PostgreSQL refuses to run as root; then it runs as the owner of the data, or else as `postgres` or `nobody`.
 * Undefined: as we are.
 */
export function findServerUser(data: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = existsSync(data) ? statSync(data) : undefined;
  if (owner !== undefined && owner.uid !== 0)
    return { name: `with id ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  for (const name of ["postgres", "nobody"]) {
    const uid = idOf("-u", name);
    const gid = idOf("-g", name);
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, uid, gid };
  }
  throw new AppError(
    "configuration",
    "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor a user nobody to run it as. " +
      "Run this as an ordinary user, or set DATABASE_URL to a PostgreSQL that already runs.",
  );
}

/**
 * How to start programs as `user` so that they can reach every one of `paths`, and write into the `writable` folders.
 * Where a folder on the way is closed to that user (a clone in /root, a `mktemp -d` folder), the program keeps one capability of root: to pass closed folders.
 *
 * @throws AppError `configuration` when there is no way
 */
export function launchAs(
  user: ServerUser | undefined,
  paths: readonly string[],
  writable: readonly string[] = [],
): Launch {
  if (user === undefined) return asOurselves;
  const plain: Launch = { prefix: [], ids: { uid: user.uid, gid: user.gid } };
  if (canReach(plain, paths, writable)) return plain;
  const capability = "+dac_override";
  const passing: Launch = {
    prefix: [
      "setpriv",
      `--reuid=${user.uid}`,
      `--regid=${user.gid}`,
      "--clear-groups",
      // PostgreSQL looks for its programs with access(2), which else forgets the capability.
      "--securebits=+no_setuid_fixup",
      `--inh-caps=${capability}`,
      `--ambient-caps=${capability}`,
      "--",
    ],
    ids: {},
  };
  if (canReach(passing, paths, writable)) return passing;
  throw new AppError(
    "configuration",
    `PostgreSQL refuses to run as root, and the user ${user.name}, as whom it would run, cannot reach ${paths.join(" or ")}. ` +
      "Move the project to a folder that other users may enter (not below /root), or run this as an ordinary user.",
  );
}

function canReach(launch: Launch, paths: readonly string[], writable: readonly string[]): boolean {
  const everyPath = 'for path; do test -r "$path" && test -x "$path" || exit 1; done';
  const writablePaths = 'while [ "$1" != -- ]; do test -w "$1" || exit 1; shift; done; shift';
  const script = `${writablePaths}; ${everyPath}`;
  const [file, ...args] = [...launch.prefix, "sh", "-c", script, "sh", ...writable, "--", ...paths];
  return spawnSync(file as string, args, { ...launch.ids, cwd: "/", stdio: "ignore" }).status === 0;
}

function idOf(flag: "-u" | "-g", name: string): number | undefined {
  try {
    const text = execFileSync("id", [flag, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return Number.parseInt(text, 10);
  } catch {
    return undefined;
  }
}
