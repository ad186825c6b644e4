import { join } from "node:path";
import { databaseIsConfigured, loadSettings } from "../../app/config/load.ts";
import { projectRoot } from "../../app/version.ts";
import { startCluster, type Cluster } from "../embedded-postgres/cluster.ts";
import { clusterFolder } from "../embedded-postgres/data-directory.ts";
import { explainServerFailure } from "../embedded-postgres/explain-failure.ts";
import { settleEarlierRun } from "../embedded-postgres/running-postmaster.ts";
import { reportError } from "../../app/exit-code.ts";
import { makeApplicationDatabase, publishUrl, withdrawUrl } from "./application-database.ts";
import { checkPorts } from "./check-ports.ts";
import { greeting } from "./greeting.ts";
import { listenForInterruption } from "./interruption.ts";
import { runService, type ServiceOptions } from "./run-service.ts";

export interface StartOptions {
  /** Flags of the service, passed on to it. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stderr: { write(text: string): unknown };
}

type Parts = Omit<ServiceOptions, "onReady" | "databaseEnded"> & Pick<StartOptions, "stderr">;

/**
 * Runs the service through docker-entrypoint.sh; where no database is configured, on a PostgreSQL of our own whose data
 * stays in .data/postgres. Returns the exit code when everything has ended.
 */
export async function start({ argv, env, stderr }: StartOptions): Promise<number> {
  const interruption = listenForInterruption();
  try {
    const parts = { argv, env, stderr, interruption, settings: loadSettings({ argv, env }) };
    return await (databaseIsConfigured({ argv, env }) ? startOnConfigured(parts) : startOnEmbedded(parts));
  } catch (error) {
    const status = reportError(error, stderr);
    return interruption.stop.aborted ? interruption.exitCode() : status;
  } finally {
    interruption.close();
  }
}

async function startOnConfigured(parts: Parts): Promise<number> {
  await checkPorts(parts.settings);
  return runService({
    ...parts,
    onReady: () => parts.stderr.write(greeting(parts.settings, "the configured one")),
  });
}

async function startOnEmbedded(parts: Parts): Promise<number> {
  const { interruption, settings, stderr } = parts;
  const folder = join(projectRoot, ".data", "postgres");
  // In this order: a run in this folder explains a busy port better than the port does.
  await settleEarlierRun(clusterFolder(folder).data);
  await checkPorts(settings);
  stderr.write("No database is configured: starting the embedded PostgreSQL, data in .data/postgres …\n");
  const cluster = await startCluster({ folder, abort: interruption.stop });
  try {
    const url = await makeApplicationDatabase(cluster);
    publishUrl(url);
    const status = await runService({
      ...parts,
      env: environmentWith(url, parts.env),
      databaseEnded: cluster.ended,
      onReady: () => stderr.write(greeting(settings, describeDatabase(cluster))),
    });
    if (cluster.hasEnded()) {
      throw explainServerFailure(
        `PostgreSQL ended by itself; its log is ${cluster.logFile}.`,
        cluster.logFile,
        folder,
      );
    }
    return status;
  } finally {
    withdrawUrl();
    await cluster.stop({ atOnce: interruption.hurry });
  }
}

/** The embedded PostgreSQL speaks no TLS; what asks for it was meant for another one. */
function environmentWith(url: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const tls = new Set(["DATABASE_SSLMODE", "DATABASE_SSLROOTCERT", "PGSSLMODE", "PGSSLROOTCERT"]);
  const rest = Object.entries(env).filter(([name]) => !tls.has(name));
  return { ...Object.fromEntries(rest), DATABASE_URL: url };
}

function describeDatabase({ port }: Cluster): string {
  return `embedded PostgreSQL on port ${port}; its URL is in .data/database-url, its data and log in .data/postgres`;
}
