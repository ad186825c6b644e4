import { once } from "node:events";
import { get as httpGet, type Agent, type IncomingMessage } from "node:http";
import { connect, createServer, type Server } from "node:net";
import { text as readText } from "node:stream/consumers";
import { afterEach } from "@jest/globals";
import { withTestSession, type TestDatabase } from "./test-database.ts";
import { waitForCondition } from "./wait-for-condition.ts";

export interface Answer {
  status: number | undefined;
  headers: IncomingMessage["headers"];
  body: unknown;
}

/** The JSON that a port answers. */
export async function getJson(port: number, path: string, agent?: Agent): Promise<Answer> {
  const request = httpGet({ host: "127.0.0.1", port, path, agent: agent ?? false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const body: unknown = JSON.parse(await readText(response));
  return { status: response.statusCode, headers: response.headers, body };
}

/** Holds a lock that makes every read of the registry wait, while `work` runs; `release` lets go earlier. */
export async function withBlockedReads(
  database: TestDatabase,
  work: (release: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await withTestSession(database.address, async ({ client }) => {
    await client.query("BEGIN; LOCK TABLE server_version");
    await work(async () => void (await client.query("COMMIT")));
  });
}

/** Waits until a read waits for the lock. */
export const readIsWaiting = (database: TestDatabase): Promise<unknown> =>
  waitForCondition("a read that waits", async () => {
    const rows = await database.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'headgate serve' AND wait_event_type = 'Lock' AND query LIKE '%server_version%'",
    );
    return rows.length > 0;
  });

const blockers: Server[] = [];
afterEach(() => {
  for (const blocker of blockers.splice(0)) blocker.close();
});

/** A port that somebody else listens on. */
export async function takePort(): Promise<number> {
  const blocker = createServer().listen(0);
  blockers.push(blocker);
  await once(blocker, "listening");
  return (blocker.address() as { port: number }).port;
}

/** The code of the error that a new connection meets; undefined when it is taken. */
export async function refusal(port: number): Promise<string | undefined> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  } finally {
    socket.destroy();
  }
}

/** What the server says to these bytes until it closes the connection. */
export async function exchange(port: number, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(bytes);
  return readText(socket);
}
