import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { asFunction } from "../../scripts/prepare/bundle.mjs";
import { leaveOut } from "../../scripts/prepare/left-out.mjs";
import { starterOf } from "../../scripts/prepare/starter.cjs";
import { isReady } from "./http.mjs";
import { runProcess } from "./measure.mjs";

const stock = join(import.meta.dirname, "..", "stock");
/** Node's option that has a program's compiled code kept. */
const recording = [
  "--require",
  join(import.meta.dirname, "..", "..", "scripts", "prepare", "record-compiled.cjs"),
];

/**
 * The least that a program can do: connect and ask, bundled and with its compiled code kept as ours is. Returns the words
 * that run it.
 */
export async function makeFloorCheck(folder, url) {
  const program = await bundle(folder, "floor-check");
  const words = [process.execPath, ...recording, program];
  const { code, output } = await runProcess(words, { DATABASE_URL: url, COMPILED_FOLDER: folder });
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}:\n${output}`);
  return [process.execPath, program];
}

/** The same for a service on Express. */
export async function makeFloorServer(folder, url, port) {
  const program = await bundle(folder, "floor-server");
  const env = { DATABASE_URL: url, PORT: port, COMPILED_FOLDER: folder };
  await serveOnce([process.execPath, ...recording, program], env);
  return [process.execPath, program];
}

async function bundle(folder, name) {
  const outfile = join(folder, `${name}.bundle.cjs`);
  await build({
    ...asFunction,
    entryPoints: [join(stock, `${name}.mjs`)],
    outfile,
    bundle: true,
    platform: "node",
    format: "cjs",
    minifyWhitespace: true,
    minifySyntax: true,
    plugins: [leaveOut],
    external: ["pg-native"],
    logLevel: "error",
  });
  const program = join(folder, `${name}.cjs`);
  writeFileSync(program, starterOf(name, readFileSync(outfile)));
  return program;
}

/** Until it is ready, and then to a clean end. */
async function serveOnce([file, ...args], env) {
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const closed = new Promise((resolve) => child.once("close", resolve));
  while (!(await isReady(env.PORT))) {
    if (child.exitCode !== null) throw new Error(`${file} ${args.join(" ")} ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGTERM");
  await closed;
}
