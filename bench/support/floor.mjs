import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "esbuild";
import { leaveOut } from "../../scripts/prepare/left-out.mjs";
import { isReady } from "./http.mjs";
import { runProcess } from "./measure.mjs";
import { cacheEnvironment } from "./peers.mjs";

const stock = join(import.meta.dirname, "..", "stock");

/**
 * The least that a program can do: connect and ask, bundled and with its compiled code kept as ours is. Returns the words
 * that run it.
 */
export async function makeFloorCheck(folder, url) {
  const words = await bundle(folder, "floor-check");
  const { code, output } = await runProcess(words, { DATABASE_URL: url, ...cacheEnvironment() });
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}:\n${output}`);
  return words;
}

/** The same for a service on Express. */
export async function makeFloorServer(folder, url, port) {
  const words = await bundle(folder, "floor-server");
  await warm(words, { DATABASE_URL: url, PORT: port, ...cacheEnvironment() });
  return words;
}

async function bundle(folder, name) {
  const outfile = join(folder, `${name}.cjs`);
  await build({
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
  return [process.execPath, outfile];
}

/** Node keeps what it has compiled when a program ends by itself. */
async function warm([file, ...args], env) {
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
