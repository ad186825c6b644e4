import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster, type Cluster } from "../../../scripts/embedded-postgres/cluster.ts";

declare global {
  // Between global-setup and global-teardown, which Jest runs in the same process.
  var headgateTestCluster: Cluster | undefined;
}

/** One PostgreSQL for the whole run; the workers find it through the environment. */
export default async function startTestCluster(): Promise<void> {
  const cluster = await startCluster({
    folder: join(tmpdir(), `headgate-test-${randomBytes(8).toString("hex")}`),
    temporary: true,
    durable: false,
    settings: { max_connections: "300", max_prepared_transactions: "10" },
  });
  cluster.release();
  globalThis.headgateTestCluster = cluster;
  process.env["HEADGATE_TEST_DATABASE_URL"] = cluster.url;
  process.env["HEADGATE_TEST_SERVER_LOG"] = cluster.logFile;
}
