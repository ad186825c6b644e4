import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A wire that can be cut and mended. */
export interface TcpProxy {
  readonly port: number;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Takes connections again, on the same port. */
  mend(): Promise<void>;
  /** Goes on taking what is sent, and passes nothing on: as when a firewall has forgotten the connections. */
  silence(): void;
}

/** Passes every connection on to 127.0.0.1:`targetPort`. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let server = await listen(0);
  const { port } = server.address() as { port: number };

  async function listen(at: number): Promise<Server> {
    const opened = createServer((near) => {
      const far = connect(targetPort, "127.0.0.1");
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
          sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    opened.listen(at, "127.0.0.1");
    await once(opened, "listening");
    return opened;
  }

  return {
    port,
    async cut() {
      const closed = server.listening ? once(server, "close") : undefined;
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    silence() {
      for (const socket of sockets) socket.unpipe().resume();
    },
    async mend() {
      server = await listen(port);
    },
  };
}
