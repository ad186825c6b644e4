import { createServer } from "node:net";
import { errorCode } from "./explain-failure.ts";

/** A TCP port of 127.0.0.1 that nobody listens on now. Somebody may take it before you do: be ready to try again. */
export async function findFreePort(): Promise<number> {
  const answer = await listenBriefly(0, "127.0.0.1");
  if (typeof answer === "string") throw new Error(`no free TCP port on 127.0.0.1 (${answer})`);
  return answer;
}

/** Why one could not listen on this port now (`EADDRINUSE`, `EACCES` …); on every interface unless a host is given. */
export async function findPortProblem(port: number, host?: string): Promise<string | undefined> {
  const answer = await listenBriefly(port, host);
  return typeof answer === "string" ? answer : undefined;
}

/** The port it listened on, or the code of the error. */
function listenBriefly(port: number, host?: string): Promise<number | string> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(errorCode(error) || error.message));
    server.listen({ port, ...(host === undefined ? {} : { host }), exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : port));
    });
  });
}
