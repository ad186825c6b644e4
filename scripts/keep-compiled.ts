import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { projectRoot } from "../app/version.ts";
import { startCluster } from "./embedded-postgres/cluster.ts";
import { findFreePort } from "./embedded-postgres/free-port.ts";
import { waitUntilReady } from "./start/wait-until-ready.ts";

/**
 * Runs each program as a start with nothing pending does, on a PostgreSQL that lives as long as that takes, and keeps
 * what V8 compiled of it, so that no start has to compile it again:
 *
 *     node scripts/keep-compiled.ts [FOLDER]
 *
 * The programs look for it beside themselves, in dist/programs, which is FOLDER unless given.
 */
const folder = resolve(process.argv[2] ?? join(projectRoot, "dist", "programs"));
mkdirSync(folder, { recursive: true });
const cluster = await startCluster({
  folder: mkdtempSync(join(tmpdir(), "headgate-compiled-")),
  durable: false,
  temporary: true,
});
try {
  const port = await findFreePort();
  const operationsPort = await findFreePort();
  const env = {
    PATH: process.env["PATH"],
    DATABASE_URL: cluster.url,
    PORT: String(port),
    OPERATIONS_PORT: String(operationsPort),
    LOG_LEVEL: "error",
    COMPILED_FOLDER: folder,
  };
  const recording = ["--require", join(projectRoot, "scripts", "prepare", "record-compiled.cjs")];
  const start = (program: string, args: readonly string[], options: readonly string[] = recording) =>
    spawn(process.execPath, [...options, join(projectRoot, "dist", "programs", `${program}.cjs`), ...args], {
      env,
      stdio: ["pipe", "ignore", "inherit"],
    });

  for (const command of ["up", "deferred"]) await end(start("migrate", [command, "--yes"], []));
  await end(start("migrate", ["up", "--yes"]));
  await end(start("entrypoint", []), "up\n");
  await end(start("gate", ['{"status":"migrating"}']));
  await end(start("registry", ["--help"]));
  const server = start("server", []);
  const served = end(server);
  // One that ends by itself is not waited for; in good order it ends only when it is told to.
  await Promise.race([waitUntilReady("127.0.0.1", port), served]);
  try {
    for (const [where, path] of [
      [port, "/health"],
      [port, "/v0.1/servers?limit=1"],
      [operationsPort, "/ready"],
    ] as const)
      await (await fetch(`http://127.0.0.1:${where}${path}`)).arrayBuffer();
  } finally {
    server.kill("SIGTERM");
  }
  await served;
} finally {
  await cluster.stop();
}

async function end(child: ChildProcess, input = ""): Promise<void> {
  child.stdin?.end(input);
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${child.spawnargs.join(" ")} ended with ${code}.`);
}
