import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { explain, Failure } from "./failure.mjs";
import { runNode } from "./run.mjs";

const stampOf = (root) => join(root, "node_modules", ".headgate-lock-sha256");
const installedOf = (root) => join(root, "node_modules", ".package-lock.json");

/** Whether node_modules holds what package-lock.json names: by content, because git checkout changes times. */
export function isInstalled(root) {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  if (!existsSync(installedOf(root))) return false;
  const hash = createHash("sha256").update(lock).digest("hex");
  if (existsSync(stampOf(root)) && readFileSync(stampOf(root), "utf8") === hash) return true;
  // Installed by hand, or in an image: compare package by package, once.
  if (!holdsEverything(readPackages(installedOf(root)), JSON.parse(lock).packages)) return false;
  stamp(root, hash);
  return true;
}

/** Runs `npm ci`. */
export async function install(root, adopt) {
  process.stderr.write("Installing the packages that package-lock.json names (npm ci) …\n");
  // Tools are needed to compile, whatever NODE_ENV says.
  const args = ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund", "--prefer-offline"];
  const { code, errors } = await runNode([findNpm(), ...args], { cwd: root, adopt });
  if (code !== 0) throw new Failure(code, `npm ci failed (exit code ${code}).${advice(errors)}`);
  stamp(
    root,
    createHash("sha256")
      .update(readFileSync(join(root, "package-lock.json")))
      .digest("hex"),
  );
}

function advice(errors) {
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT/.test(
      errors,
    )
  ) {
    return " The package registry could not be reached: the first start needs the network (or `npm config set registry` to a mirror).";
  }
  if (/ENOSPC/.test(errors)) return " The disk is full.";
  if (/EACCES|EPERM|EROFS/.test(errors)) return " This folder must be writable for you.";
  return "";
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  } catch {
    return {};
  }
}

function holdsEverything(installed, wanted) {
  const isRight = (path) => installed[path]?.version === wanted[path]?.version;
  // Optional packages are there for this platform only.
  const isSpared = (path) => installed[path] === undefined && wanted[path].optional === true;
  return (
    Object.keys(wanted).every((path) => path === "" || isRight(path) || isSpared(path)) &&
    Object.keys(installed).every(isRight)
  );
}

/** Spares the comparison next time; nothing is lost where it cannot be written. */
function stamp(root, hash) {
  try {
    writeFileSync(stampOf(root), hash);
  } catch (error) {
    if (!(explain(error, "") instanceof Failure)) throw error;
  }
}

/** npm's own script: the npm that started us, or the one on PATH. */
function findNpm() {
  const started = process.env.npm_execpath;
  if (started?.endsWith("npm-cli.js") && existsSync(started)) return started;
  for (const folder of [dirname(process.execPath), ...(process.env.PATH ?? "").split(delimiter)]) {
    const npm = join(folder, "npm");
    if (folder === "" || !existsSync(npm)) continue;
    const script = realpathSync(npm);
    if (script.endsWith(".js")) return script;
  }
  throw new Failure(2, "npm was not found: it comes with Node.js, and `npm ci` has to run once here.");
}
