import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster, type Cluster } from "../../../../scripts/embedded-postgres/cluster.ts";

/** A PostgreSQL for one test file, which may read its whole log and do to it what it likes. */
export async function startOwnCluster(): Promise<Cluster> {
  const cluster = await startCluster({
    folder: join(tmpdir(), `headgate-faults-${randomBytes(8).toString("hex")}`),
    temporary: true,
    durable: false,
    // %d the database, %e the SQLSTATE.
    settings: { max_connections: "300", log_line_prefix: "%m [%p] %d %e " },
  });
  // createTestDatabase finds it there; Jest gives each test file an environment of its own.
  process.env["HEADGATE_TEST_DATABASE_URL"] = cluster.url;
  return cluster;
}

/** What the server writes from now on. */
export function followLog({ logFile }: Cluster): { read(): string } {
  const { size } = statSync(logFile);
  return { read: () => readFileSync(logFile).subarray(size).toString("utf8") };
}
