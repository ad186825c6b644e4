import { createServer, STATUS_CODES, type RequestListener, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { randomUUID } from "node:crypto";
import type { ListenAddress } from "../config/settings.ts";
import { AppError } from "../errors.ts";
import { renderProblem, type Problem } from "./problem.ts";
import { Slots } from "./slots.ts";

/** A port that is open. */
export interface Listener {
  /** The real one, also where 0 was asked for. */
  readonly port: number;
  /**
   * Takes no new connection, closes idle ones, waits for the answers under way; after `timeout` ms cuts what is left.
   * Returns how many requests were cut.
   */
  close(timeout: number): Promise<number>;
}

export interface ListenOptions {
  readonly address: ListenAddress;
  /** What the address came from, for the message when it is taken: `PORT`. */
  readonly setting: string;
  /** Other limits than the usual ones. */
  readonly limits?: Partial<ListenLimits>;
}

/** What one client may take of the port; times in ms. */
export interface ListenLimits {
  /** For the head of a request, and for all of it: who sends a byte now and then is cut off. */
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly keepAliveTimeout: number;
  /** How often the times are looked at. */
  readonly connectionsCheckingInterval: number;
  /** Open connections; one more is closed at once. */
  readonly maxConnections: number;
}

const usualLimits: ListenLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  // Longer than the minute that load balancers keep a connection, so that they close it first.
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxConnections: 5_000,
};

/**
 * Opens the port; returns once it is open.
 *
 * @throws AppError `configuration` when that address cannot be had
 */
export async function openListener(
  app: RequestListener,
  { address, setting, limits = {} }: ListenOptions,
): Promise<Listener> {
  const { maxConnections, ...times } = { ...usualLimits, ...limits };
  const server = createServer({ ...times, maxHeaderSize: 16_384 });
  server.maxConnections = maxConnections;
  const connections = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  const underWay = new Slots<ServerResponse>();
  let isClosing = false;
  server.on("request", (_request, response) => {
    const remove = underWay.add(response);
    if (isClosing) response.setHeader("Connection", "close");
    response.once("close", () => {
      remove();
      // The connection counts as idle only after this event.
      if (isClosing) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.on("request", app);
  server.on("clientError", answerBrokenRequest);

  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(explain(error, address, setting));
    server.once("error", fail);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off("error", fail);
      resolve();
    });
  });

  const opened = server.address();
  return {
    port: typeof opened === "object" && opened !== null ? opened.port : port,
    async close(timeout) {
      isClosing = true;
      let cut = 0;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const response of underWay.items())
        if (!response.headersSent) response.setHeader("Connection", "close");
      const quietEnd = setTimeout(
        () => {
          // Node counts a connection as busy on which nothing, or half a head, was sent: browsers open them in advance.
          const busy = new Set(underWay.items().map(({ socket }) => socket));
          for (const connection of connections) if (!busy.has(connection)) connection.destroy();
        },
        Math.min(timeout, headGrace),
      );
      const end = setTimeout(() => {
        cut = underWay.items().length;
        server.closeAllConnections();
      }, timeout);
      await closed;
      clearTimeout(quietEnd);
      clearTimeout(end);
      return cut;
    },
  };
}

/** How long the head of a request may go on arriving after the end began, in ms. */
const headGrace = 200;

/** What Node's parser refuses never reaches Express. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const problem: Problem =
    error.code === "HPE_HEADER_OVERFLOW"
      ? { status: 431, code: "too-large", detail: "The request's headers are longer than 16 KB." }
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? { status: 408, code: "invalid-request", detail: "The request did not arrive in time." }
        : { status: 400, code: "invalid-request", detail: "This is not an HTTP request." };
  const body = renderProblem(problem, randomUUID());
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Access-Control-Allow-Origin: *",
    "Cache-Control: no-store",
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function explain(error: NodeJS.ErrnoException, { host, port }: ListenAddress, setting: string): AppError {
  const place = host === undefined ? `port ${port}` : `${host}:${port}`;
  const advice = `Stop the other program, or set ${setting} to another one.`;
  const message =
    error.code === "EADDRINUSE"
      ? `Cannot listen on ${place}: it is in use. ${advice}`
      : error.code === "EACCES"
        ? `Cannot listen on ${place}: that needs a privilege. Set ${setting} to a port of 1024 or above.`
        : error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND"
          ? `Cannot listen on ${place}: this machine does not have that address. Set ${setting} to one that it has.`
          : `Cannot listen on ${place}: ${error.message}.`;
  return new AppError("configuration", message, { cause: error });
}
