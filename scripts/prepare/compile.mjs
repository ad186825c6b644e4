import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { bundle, bundlesOf } from "./bundle.mjs";
import { explain, Failure } from "./failure.mjs";
import { runNode } from "./run.mjs";

const stampOf = (root) => join(root, "dist", ".headgate-sources");

/** Whether dist/ is the outcome of the sources as they are now. */
export function isCompiled(root) {
  if (!existsSync(stampOf(root))) return false;
  const sources = findSources(root);
  return readFileSync(stampOf(root), "utf8") === fingerprint(root, sources) && isComplete(root, sources);
}

/** Compiles what changed, removes from dist/ what has no source any more, and bundles the programs. */
export async function compile(root, adopt) {
  const sources = findSources(root);
  const compiled = fingerprint(root, sources);
  try {
    mkdirSync(join(root, "dist"), { recursive: true });
    rmSync(stampOf(root), { force: true });
    // tsc believes its notes and would not write again what somebody removed.
    if (!isComplete(root, sources)) rmSync(join(root, "dist", ".tsbuildinfo"), { force: true });
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const { code } = await runNode([tsc, "-p", join(root, "tsconfig.build.json")], { cwd: root, adopt });
    if (code !== 0) throw new Failure(code, "The sources do not compile; see above.");
    removeStale(join(root, "dist"), new Set(sources.map((source) => outputOf(root, source))));
    await bundle(root);
    writeFileSync(stampOf(root), compiled);
  } catch (error) {
    throw explain(error, "Compiling into dist/");
  }
}

/** As in tsconfig.build.json: app/ and scripts/ without tests. */
function findSources(root) {
  const found = [];
  const walk = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory() && path !== "app/test") walk(path);
      else if (
        entry.isFile() &&
        path.endsWith(".ts") &&
        !path.endsWith(".test.ts") &&
        !path.endsWith(".d.ts")
      ) {
        found.push(path);
      }
    }
  };
  walk("app");
  walk("scripts");
  return found.toSorted((one, other) => (one < other ? -1 : 1));
}

/** Changes when a file comes, goes or is written. */
function fingerprint(root, sources) {
  const hash = createHash("sha256");
  for (const path of [
    ...sources,
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
    ...["bundle.mjs", "left-out.mjs", "pg-crypto.cjs", "starter.cjs"].map(
      (file) => `scripts/prepare/${file}`,
    ),
  ]) {
    const { size, mtimeMs } = statSync(join(root, path));
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function isComplete(root, sources) {
  return (
    sources.every((source) => existsSync(outputOf(root, source))) &&
    bundlesOf(root).every((one) => existsSync(one.bundle) && existsSync(one.program))
  );
}

function outputOf(root, source) {
  return join(root, "dist", source.replace(/\.ts$/, ".js"));
}

/** Removes programs (and their maps) that no source makes; a stale module would still be found by an import. */
function removeStale(folder, outputs) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      removeStale(path, outputs);
      if (readdirSync(path).length === 0) rmdirSync(path);
    } else if (/\.js(\.map)?$/.test(path) && !outputs.has(path.replace(/\.map$/, ""))) rmSync(path);
  }
}
