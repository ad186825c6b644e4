// The least that a start with nothing pending can do before the service: one connection, one query.
import pg from "pg";

async function check() {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  const { rows } = await client.query("SELECT name FROM schema_migrations");
  await client.end();
  process.exitCode = rows.length > 0 ? 0 : 1;
}

void check();
