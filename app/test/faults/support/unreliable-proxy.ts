import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** What becomes of a piece of a conversation, and of all that would follow it. */
export type Fate =
  /** It arrives. */
  | "pass"
  /** Both ends lose the connection; it does not arrive. */
  | "cut"
  /** It does not arrive, nothing else does either, and nobody is told. */
  | "black hole"
  /** It arrives, no answer comes back, and nobody is told. */
  | "deaf";

export interface ProxyOptions {
  readonly targetPort: number;
  /** Asked about everything that a client sends; connections are numbered from 1. */
  readonly decide: (text: string, connection: number) => Fate | Promise<Fate>;
}

export interface UnreliableProxy {
  readonly port: number;
  /** How many connections there were. */
  connections(): number;
  close(): Promise<void>;
}

/** Stands between client and server on 127.0.0.1, reads along, and fails at the moment that a test has chosen. */
export async function startUnreliableProxy({ targetPort, decide }: ProxyOptions): Promise<UnreliableProxy> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((near) => {
    count += 1;
    converse(near, connect(targetPort, "127.0.0.1"), count);
  });

  function converse(near: Socket, far: Socket, connection: number): void {
    let answers = true;
    let forwards = true;
    let tells = true;
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        if (tells) other.destroy();
      });
    }
    far.on("data", (data) => {
      if (answers) near.write(data);
    });
    async function pass(data: Buffer): Promise<void> {
      if (!forwards) return;
      const fate = await decide(data.toString("latin1"), connection);
      if (fate === "cut") near.destroy();
      if (fate === "black hole") forwards = false;
      if (fate === "black hole" || fate === "deaf") [answers, tells] = [false, false];
      if (fate === "pass" || fate === "deaf") far.write(data);
    }
    let before: Promise<void> | undefined;
    near.on("data", (data: Buffer) => {
      before = before === undefined ? pass(data) : before.then(async () => await pass(data));
    });
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    connections: () => count,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The same database by way of another port. */
export function through({ port }: { readonly port: number }, url: string): string {
  const other = new URL(url);
  other.port = String(port);
  return other.href;
}
