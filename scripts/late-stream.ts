import { isatty } from "node:tty";

/**
 * A standard stream that is opened when something is written to it, or in the first moment in which the program waits:
 * to open one for a pipe takes a start longer than to read the configuration. What listens to it until then does so
 * after that.
 */
export function lateStream(
  descriptor: 1 | 2,
  open: () => NodeJS.WriteStream,
): NodeJS.WritableStream & { isTTY?: boolean; columns?: number } {
  let stream: NodeJS.WriteStream | undefined;
  const waiting: Parameters<NodeJS.WriteStream["on"]>[] = [];
  const opened = (): NodeJS.WriteStream => {
    if (stream === undefined) {
      stream = open();
      for (const listening of waiting.splice(0)) stream.on(...listening);
    }
    return stream;
  };
  setImmediate(opened);
  return new Proxy({} as NodeJS.WriteStream, {
    get(_, name) {
      if (name === "isTTY") return isatty(descriptor);
      if (stream === undefined && name === "on")
        return (...listening: (typeof waiting)[number]) => waiting.push(listening);
      const value: unknown = Reflect.get(opened(), name);
      return typeof value === "function" ? value.bind(stream) : value;
    },
  });
}
