import { loadConfig } from "../app/config/load.ts";
import { reportError } from "../app/exit-code.ts";

/**
 * Tells docker-entrypoint.sh what it needs of the configuration, as `KEY=value` lines that are safe in a shell and hold
 * no secret. A bad configuration is reported here, before anything is waited for: exit code 2.
 */
try {
  const config = loadConfig({ argv: process.argv.slice(2), env: process.env });
  const { host, port } = config.migrateOnStart === "off" ? config.database : config.migrationDatabase;
  const lines = {
    WAIT_HOST: host,
    WAIT_PORT: String(port),
    WAIT_SECONDS: String(Math.ceil(config.waitTimeout / 1000)),
    MIGRATE_ON_START: config.migrateOnStart,
    LOG_FORMAT: config.logFormat ?? "",
  };
  for (const [key, value] of Object.entries(lines)) {
    // A host that is none would be refused by pg_isready anyway; here it must not reach a shell.
    process.stdout.write(`${key}=${/^[A-Za-z0-9_.:/%-]*$/.test(value) ? value : "invalid-host-name"}\n`);
  }
} catch (error) {
  process.exitCode = reportError(error, process.stderr);
}
