// Commits one transaction after the other on DATABASE_URL, with a pause of so many milliseconds in between, until it is
// killed: node writer.mjs PAUSE
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
for (;;) {
  await client.query("SELECT pg_current_xact_id()");
  await sleep(Number(process.argv[2]));
}
