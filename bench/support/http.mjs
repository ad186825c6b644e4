import { get } from "node:http";

/** Whether a server on this port says by now that it is ready. */
export async function isReady(port) {
  return await new Promise((resolve) => {
    const request = get({ port, host: "127.0.0.1", path: "/ready", agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("error", () => resolve(false));
  });
}
