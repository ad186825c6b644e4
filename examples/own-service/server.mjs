// A service of one's own, as plain as can be: notes in PostgreSQL. `pg` is in the image already; a service with
// dependencies of its own installs them in its Dockerfile.
import { createServer } from "node:http";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 5 });
pool.on("error", (error) => void process.stderr.write(`${error.message}\n`));

async function answer(request) {
  if (request.method === "POST" && request.url === "/notes") {
    const chunks = await request.toArray();
    const { rows } = await pool.query("INSERT INTO note (body) VALUES ($1) RETURNING id, body, pinned", [
      Buffer.concat(chunks).toString("utf8"),
    ]);
    return [201, rows[0]];
  }
  if (request.method === "GET" && request.url === "/notes") {
    const { rows } = await pool.query("SELECT id, body, pinned FROM note ORDER BY pinned DESC, id");
    return [200, rows];
  }
  return [404, { detail: "Nothing is here; try /notes." }];
}

async function respond(request, response) {
  let [status, body] = [500, { detail: "This did not work." }];
  try {
    [status, body] = await answer(request);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
  }
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

const api = createServer((request, response) => void respond(request, response));
// What the image's health check and an orchestrator's probes ask, on the port that Headgate uses while it migrates.
const operations = createServer((_request, response) => response.end("{}"));

api.listen(process.env.PORT ?? 8080, () => process.stdout.write("notes are served\n"));
operations.listen(process.env.OPERATIONS_PORT ?? 8081);

process.once("SIGTERM", () => {
  operations.close();
  api.close(() => pool.end());
});
