import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseAddress } from "../config/settings.ts";
import { AppError, messageOf } from "../errors.ts";
import { closeSession, openSession, type Session } from "./session.ts";
import { codeOf, isServerError, isUnreachable, refused, serverNotReady } from "./sqlstate.ts";

export interface PreflightOptions {
  readonly address: DatabaseAddress;
  /** What the session is for; shown in `application_name`. */
  readonly activity: string;
  /** How long to try, in milliseconds. */
  readonly timeout: number;
  /** Whether a server that only reads will do. */
  readonly readOnly?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Told of every try that did not succeed. */
  readonly onWait?: (reason: string, elapsed: number) => void;
}

/** PostgreSQL 13 is the oldest version whose commands migrations may count on here. */
const oldestServer = 130_000;
const pauseBetweenTries = 250;
const longestTry = 5000;

/**
 * A session with a server that is ready for work. Waits while the server cannot be reached, starts up, or is in
 * recovery; gives up at once when it refuses us.
 *
 * @throws AppError `database-unreachable` after the time-out, `database-refused` at once, `interrupted` on abort
 */
export async function connectWhenReady(options: PreflightOptions): Promise<Session> {
  const { address, activity, timeout, signal, onWait } = options;
  const started = Date.now();
  for (;;) {
    if (signal?.aborted) throw new AppError("interrupted", "Stopped while waiting for PostgreSQL.");
    const left = started + timeout - Date.now();
    let reason: string;
    try {
      const session = await openSession(
        address,
        activity,
        Math.min(longestTry, Math.max(left, 1000)),
        signal,
      );
      const isTooOld = session.serverVersion < oldestServer;
      if (!isTooOld && (options.readOnly === true || !session.inRecovery)) return session;
      await closeSession(session);
      if (isTooOld) throw tooOld(session);
      reason = "the server is a read-only standby, or still recovering; migrations need the primary";
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (signal?.aborted) continue;
      reason = reasonToWait(error, address);
    }
    if (left <= pauseBetweenTries) throw unreachable(address, timeout, reason);
    onWait?.(reason, Date.now() - started);
    await sleep(pauseBetweenTries, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** `host:port`, with the brackets that an IPv6 address needs. */
export function placeOf({ host, port }: Pick<DatabaseAddress, "host" | "port">): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function tooOld({ address, serverVersion }: Session): AppError {
  return new AppError(
    "database-refused",
    `The server at ${placeOf(address)} is PostgreSQL ${Math.floor(serverVersion / 10_000)}; Headgate needs 13 or newer.`,
  );
}

/**
 * What to wait for after a failed try.
 *
 * @throws AppError `database-refused` when waiting would not help
 */
function reasonToWait(error: unknown, address: DatabaseAddress): string {
  const code = codeOf(error) ?? "";
  if (isUnreachable(error)) return describeNetworkError(code, address);
  if (serverNotReady.has(code)) return `the server says: ${messageOf(error)}`;
  if (isServerError(error)) throw refusal(error, code, address);
  // Sentences of node-postgres itself, which carry no code.
  const message = messageOf(error);
  if (/password must be a string/.test(message)) {
    throw new AppError(
      "database-refused",
      `${placeOf(address)} asks for a password of role "${address.user}" and none is configured.`,
      { cause: error },
    );
  }
  if (/does not support SSL/.test(message)) {
    throw new AppError(
      "database-refused",
      `${placeOf(address)} does not speak TLS, and DATABASE_SSLMODE=${address.sslmode} asks for it.`,
      { cause: error },
    );
  }
  if (code.startsWith("ERR_TLS") || /certificate/i.test(message)) {
    throw new AppError(
      "database-refused",
      `The TLS certificate of ${placeOf(address)} is not accepted: ${message}.`,
      { cause: error },
    );
  }
  return message;
}

function describeNetworkError(code: string, { host }: DatabaseAddress): string {
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_NODATA":
    case "EAI_NONAME":
      return `the host name "${host}" is not known (${code})`;
    case "ECONNREFUSED":
      return "nothing listens there (ECONNREFUSED)";
    case "ENOENT":
      return `there is no socket in ${host} (ENOENT)`;
    default:
      return `the connection failed (${code})`;
  }
}

function refusal(error: unknown, code: string, address: DatabaseAddress): AppError {
  const meaning = refused[code];
  const who = `role "${address.user}", database "${address.database}"`;
  const message = `PostgreSQL at ${placeOf(address)} refused us (${who}): ${messageOf(error)} [${code}]${meaning === undefined ? "" : `: ${meaning}`}.`;
  return new AppError("database-refused", message, { cause: error, details: { sqlstate: code } });
}

function unreachable(address: DatabaseAddress, timeout: number, reason: string): AppError {
  return new AppError(
    "database-unreachable",
    `PostgreSQL at ${placeOf(address)} was not ready within ${timeout / 1000} s: ${reason}. ` +
      "Check the address, or raise WAIT_TIMEOUT.",
  );
}
