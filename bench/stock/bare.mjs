// The floor: node:http, a named statement, the stored JSON passed through as text. No validation, no ETag, no CORS, no log.
import { createServer } from "node:http";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const text = String(process.env.QUERY);
const values = JSON.parse(process.env.QUERY_VALUES ?? "[]");
createServer((request, response) => {
  if (request.url === "/ready") response.end("ok");
  else void answer(response);
}).listen(Number(process.env.PORT), "127.0.0.1");

async function answer(response) {
  const { rows } = await pool.query({ name: "q", text, values });
  const body = `{"servers":[${rows.map(({ value }) => `{"server":${value}}`).join(",")}]}`;
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}
