// Makes a clone ready to run: installs what package-lock.json names and compiles. Runs before `npm start`, `npm test`
// and the like, so it uses nothing but Node itself; where there is nothing to do it is quick and says nothing.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, isCompiled } from "./prepare/compile.mjs";
import { install, isInstalled } from "./prepare/install.mjs";
import { Failure } from "./prepare/failure.mjs";
import { withLock } from "./prepare/lock.mjs";

const oldest = [20, 19];

async function main() {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  checkNode(process.versions.node);
  if (isInstalled(root) && isCompiled(root)) return;
  await withLock(root, async (adopt) => {
    // Looked at again: whoever had the lock before us may have done it.
    if (!isInstalled(root)) await install(root, adopt);
    if (!isCompiled(root)) await compile(root, adopt);
  });
}

function checkNode(version) {
  const [major, minor] = version.split(".").map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
  throw new Failure(2, `This needs Node.js ${oldest.join(".")} or newer; ${process.execPath} is ${version}.`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.exitCode;
}
