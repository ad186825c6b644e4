// The floor of Express: one route, and in it what bare.mjs does. No validation, no ETag, no CORS, no log.
import express from "express";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const text = String(process.env.QUERY);
const values = JSON.parse(process.env.QUERY_VALUES ?? "[]");
const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.get("/ready", (_request, response) => response.end("ok"));
app.get("/v0.1/servers{/*path}", async (_request, response) => {
  const { rows } = await pool.query({ name: "q", text, values });
  const body = `{"servers":[${rows.map(({ value }) => `{"server":${value}}`).join(",")}]}`;
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
});
app.listen(Number(process.env.PORT), "127.0.0.1");
