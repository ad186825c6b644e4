// What people would write: Express, a pool, the columns as they are, the rows turned into JSON.
import express from "express";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const app = express();
app.get("/ready", async (_request, response) => {
  await pool.query("SELECT 1");
  response.json({ status: "ready" });
});
app.get("/v0.1/servers{/*path}", async (_request, response) => {
  const { rows } = await pool.query(process.env.QUERY, JSON.parse(process.env.QUERY_VALUES));
  // node-postgres has parsed the document and the dates by now.
  const servers = rows.map(({ value, ...meta }) => ({ server: value, _meta: meta }));
  response.json({ servers, metadata: { count: servers.length } });
});
app.listen(Number(process.env.PORT), "127.0.0.1");
