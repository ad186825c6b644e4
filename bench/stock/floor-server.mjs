// The least that a service on Express and a pool can do until it is ready.
import express from "express";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const app = express();
app.get("/ready", async (_request, response) => {
  await pool.query("SELECT name FROM schema_migrations");
  response.json({ status: "ready" });
});
app.listen(Number(process.env.PORT), "127.0.0.1");
process.once("SIGTERM", () => process.exit());
