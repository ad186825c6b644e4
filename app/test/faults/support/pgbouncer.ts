import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseAddress } from "../../../config/settings.ts";
import { findFreePort } from "../../support/free-port.ts";
import { waitForPort } from "../../support/wait-for-http.ts";

export interface PgBouncer {
  readonly port: number;
  stop(): Promise<void>;
}

const places = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];

/** Where PgBouncer is, installed from Debian's packages when we may; or why it cannot be had. */
export function findPgBouncer(): { readonly path: string } | { readonly missing: string } {
  const path = places.find((place) => existsSync(place));
  if (path !== undefined) return { path };
  if (process.getuid?.() !== 0) return { missing: "pgbouncer is not installed, and only root could do that" };
  try {
    execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "pgbouncer"], {
      stdio: "ignore",
      timeout: 60_000,
    });
  } catch {
    return { missing: "pgbouncer is not installed, and apt-get could not install it" };
  }
  const installed = places.find((place) => existsSync(place));
  return installed === undefined ? { missing: "apt-get installed no pgbouncer" } : { path: installed };
}

/** A pooler in front of a database, with that many connections to it. */
export async function startPgBouncer(
  path: string,
  address: DatabaseAddress,
  mode: "transaction" | "session",
  size: number,
): Promise<PgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-pgbouncer-"));
  chmodSync(folder, 0o755);
  const port = await findFreePort();
  writeFileSync(join(folder, "users"), `"${address.user}" "${address.password}"\n`, { mode: 0o644 });
  writeFileSync(
    join(folder, "ini"),
    `[databases]
* = host=${address.host} port=${address.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(folder, "users")}
pool_mode = ${mode}
default_pool_size = ${size}
`,
    { mode: 0o644 },
  );
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const child: ChildProcess = spawn(path, [...user, join(folder, "ini")], { stdio: "ignore" });
  const ended = once(child, "exit");
  await waitForPort(port);
  return {
    port,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
