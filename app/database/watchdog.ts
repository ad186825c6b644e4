import { breakSession, closeSession, openSession, terminateSession, type Session } from "./session.ts";
import { isServerError } from "./sqlstate.ts";

export interface WatchdogOptions {
  /** How long an answer may be outstanding before anybody asks after it, in milliseconds. */
  readonly quiet?: number;
  /** How long the server may be out of reach while an answer is outstanding, in milliseconds. */
  readonly unreachable?: number;
}

/**
 * Breaks a connection on which no answer will ever come: a proxy or firewall on the way may forget a connection without
 * a word to either side, and TCP's own keepalives are answered by the proxy. While a query has been silent for `quiet`,
 * the server is asked over a connection of its own whether it is still at work for us. A long statement is left alone
 * for as long as it takes.
 *
 * @returns what ends the watch
 */
export function watchConnection(
  session: Session,
  { quiet = 10_000, unreachable = 60_000 }: WatchdogOptions = {},
): () => void {
  let heard = bytesRead(session);
  let since = Date.now();
  let unreachableSince: number | undefined;
  let asking = false;
  const timer = setInterval(() => void look(), quiet / 2);
  timer.unref();

  async function look(): Promise<void> {
    if (session.lostBecause() !== undefined) return clearInterval(timer);
    if (bytesRead(session) !== heard || !isBusy(session)) {
      [heard, since, unreachableSince] = [bytesRead(session), Date.now(), undefined];
      return;
    }
    if (asking || Date.now() - since < quiet) return;
    asking = true;
    const found = await askAfter(session, quiet);
    asking = false;
    unreachableSince = found === "unreachable" ? (unreachableSince ?? Date.now()) : undefined;
    // What was heard in the meantime is an answer.
    if (bytesRead(session) !== heard || !isBusy(session)) return;
    const reason =
      found === "gone"
        ? "the server does not know this connection any more"
        : found === "answered"
          ? "the server's answer, or our question, was lost on the way"
          : unreachableSince !== undefined && Date.now() - unreachableSince >= unreachable
            ? `the server could not be reached for ${Math.round(unreachable / 1000)} s`
            : undefined;
    if (reason === undefined) return;
    breakSession(session, new Error(reason));
    // On its side the connection may well be open still, and hold our locks.
    if (found === "answered") await terminateSession(session);
  }

  return () => clearInterval(timer);
}

/** What the server does for the session, which waits for it. */
async function askAfter(
  session: Session,
  quiet: number,
): Promise<"working" | "answered" | "gone" | "unreachable"> {
  try {
    const other = await openSession(session.address, "watchdog", Math.min(5000, quiet));
    const timer = setTimeout(() => breakSession(other, new Error("no answer")), quiet);
    try {
      const { rows } = await other.client.query<{ waits_for_us: boolean | null }>(
        `SELECT state LIKE 'idle%' AND pg_catalog.clock_timestamp() - state_change > pg_catalog.make_interval(secs => $2) AS waits_for_us
           FROM pg_catalog.pg_stat_activity WHERE pid = $1`,
        [session.backendPid, quiet / 1000],
      );
      if (rows.length === 0) return "gone";
      return rows[0]!.waits_for_us === true ? "answered" : "working";
    } finally {
      clearTimeout(timer);
      await closeSession(other);
    }
  } catch (error) {
    // A server that refuses one more connection is there.
    return isServerError(error) ? "working" : "unreachable";
  }
}

/**
 * Lets an idle session say something now and then, so that the server's limit for idle ones (`idleLimit`) ends only
 * those that are gone: while a migration waits for its own code, while it pauses, while a person is asked. Code of a
 * migration uses the same client: nothing is sent while anything of it is under way or waits for its turn. What is sent
 * is an empty query: it takes no snapshot, and may stand anywhere, also before SET TRANSACTION and in a failed transaction.
 *
 * @returns what ends it
 */
export function keepAwake(session: Session, every = 15_000): () => void {
  const timer = setInterval(() => {
    if (session.lostBecause() !== undefined) return clearInterval(timer);
    if (isBusy(session) || internals(session).pipeline) return;
    session.client.query("").catch(() => undefined);
  }, every);
  timer.unref();
  return () => clearInterval(timer);
}

interface ClientInternals {
  readonly readyForQuery: boolean;
  readonly pipeline: boolean;
  readonly connection: { readonly stream: { readonly bytesRead: number } };
}

/** The parts of node-postgres' client that its types leave out; covered by the watchdog's test. */
function internals({ client }: Session): ClientInternals {
  return client as unknown as ClientInternals;
}

function isBusy(session: Session): boolean {
  return !internals(session).readyForQuery;
}

function bytesRead(session: Session): number {
  return internals(session).connection.stream.bytesRead;
}
