import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../app/config/load.ts";
import { closeSession, openSession } from "../app/database/session.ts";
import { migrateUp } from "../app/migrate/up.ts";
import { projectRoot } from "../app/version.ts";
import { startCluster } from "./embedded-postgres/cluster.ts";
import { generateTypes } from "./types/generate-types.ts";
import { definedStatements } from "./types/registry-statements.ts";

// Rewrites app/registry/statement-types.ts: `npm run types`. On a PostgreSQL that lives as long as this program does.
const cluster = await startCluster({
  folder: mkdtempSync(join(tmpdir(), "headgate-types-")),
  durable: false,
  temporary: true,
});
try {
  const config = loadConfig({ env: { DATABASE_URL: cluster.url }, cwd: tmpdir() });
  const { failed } = await migrateUp(config);
  if (failed !== undefined) throw failed.error;
  const session = await openSession(config.database, "types", 10_000);
  await session.client.query("RESET ALL");
  const text = await generateTypes(session.client, definedStatements());
  await closeSession(session);
  writeFileSync(join(projectRoot, "app", "registry", "statement-types.ts"), text);
} finally {
  await cluster.stop();
}
