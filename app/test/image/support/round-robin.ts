import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A balancer as plain as can be: each request goes to the next of `targets`, and nothing is tried a second time. */
export interface RoundRobin {
  readonly url: string;
  /** Ports of 127.0.0.1; changed while it runs, as an orchestrator does. */
  readonly targets: number[];
  close(): Promise<void>;
}

export async function startRoundRobin(): Promise<RoundRobin> {
  const targets: number[] = [];
  let next = 0;
  const server: Server = createServer((incoming, outgoing) => {
    const port = targets[next++ % targets.length];
    const onward = request(
      // A connection of its own: a kept one may have been closed by the replica just now, which proves nothing.
      {
        host: "127.0.0.1",
        port,
        path: incoming.url,
        method: incoming.method,
        headers: incoming.headers,
        agent: false,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, "x-port": String(port) });
        answer.pipe(outgoing);
      },
    );
    onward.once("error", (error) => {
      outgoing.writeHead(502, { "x-port": String(port) }).end(error.message);
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    targets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
