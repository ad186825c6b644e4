import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { isReady } from "./http.mjs";

/** Starts a server that takes its port from PORT and answers /ready; comes back when it is ready. It never outlives us. */
export async function startServer(file, env) {
  const child = spawn(process.execPath, [file], {
    env: { PATH: process.env.PATH, NODE_ENV: "production", LOG_LEVEL: "warn", ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const closed = new Promise((resolve) => child.once("close", resolve));
  void closed.then(() => process.off("exit", kill));
  while (!(await isReady(env.PORT))) {
    if (child.exitCode !== null) throw new Error(`${file} has ended with ${child.exitCode}`);
    await sleep(20);
  }
  return {
    pid: child.pid,
    port: env.PORT,
    /** Ends in order, as with `docker stop`. */
    async stop() {
      child.kill("SIGTERM");
      await closed;
    },
  };
}
