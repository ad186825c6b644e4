import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { randomUUID } from "node:crypto";
import type { ListenAddress } from "../config/settings.ts";
import { renderProblem, retryAfter } from "./problem.ts";

/** What happens behind the closed gate; `elapsedMs` is added when somebody asks. */
export interface GateStatus {
  readonly status: "starting" | "waiting-for-database" | "waiting-for-lock" | "migrating";
  readonly migration?: string;
  readonly index?: number;
  readonly total?: number;
  /** Who holds the migration lock. */
  readonly holder?: string;
  readonly progress?: Readonly<Record<string, unknown>>;
}

export interface Gate {
  /** Changes what `/ready` says. */
  show(status: GateStatus): void;
  /** Closes every connection and frees the ports. */
  close(): Promise<void>;
}

/**
 * Listens in the service's place while it may not run yet: `/health` is well, `/ready` is not and says why, everything
 * else is told to come back. So a liveness probe never ends a long migration. An address that cannot be had is left
 * out and told to `onProblem`: the service itself will say so with an exit code.
 */
export async function openGate(
  addresses: readonly ListenAddress[],
  onProblem: (error: Error) => void,
): Promise<Gate> {
  let current: GateStatus = { status: "starting" };
  let since = Date.now();
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const path = (request.url ?? "").split("?", 1)[0];
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("Access-Control-Allow-Origin", "*");
    // The service takes the port over in a moment; a connection that is kept alive would be cut.
    response.setHeader("Connection", "close");
    if (path === "/health") return send(response, 200, "application/json", JSON.stringify({ status: "ok" }));
    response.setHeader("Retry-After", retryAfter);
    if (path === "/ready" || path === "/readiness") {
      return send(
        response,
        503,
        "application/json",
        JSON.stringify({ ...current, elapsedMs: Date.now() - since }),
      );
    }
    const detail =
      "The service is starting: its database is being brought up to date. Try again in a few seconds.";
    send(
      response,
      503,
      "application/problem+json",
      renderProblem({ status: 503, code: "unavailable", detail }, randomUUID()),
    );
  };
  const servers: Server[] = [];
  for (const address of addresses) {
    const server = createServer({ headersTimeout: 5000, requestTimeout: 5000 }, answer);
    await new Promise<void>((resolve) => {
      server.once("error", (error) => {
        onProblem(error);
        resolve();
      });
      server.listen(address, () => {
        servers.push(server);
        resolve();
      });
    });
  }
  return {
    show(status) {
      if (status.status !== current.status || status.migration !== current.migration) since = Date.now();
      current = status;
    },
    async close() {
      await Promise.all(
        servers.map(async (server) => {
          const closed = new Promise<void>((resolve) => server.close(() => resolve()));
          server.closeAllConnections();
          await closed;
        }),
      );
    },
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}
