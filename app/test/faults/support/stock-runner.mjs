// node-pg-migrate as its own program would run it, with the lock that waits. For comparison: see crowd.test.ts.
// usage: node stock-runner.mjs DATABASE_URL FOLDER
import { runner } from "node-pg-migrate";

const [databaseUrl, dir] = process.argv.slice(2);
await runner({
  databaseUrl,
  dir,
  direction: "up",
  migrationsTable: "pgmigrations",
  advisoryLockMode: "wait",
  checkOrder: true,
});
