/**
 * The SQLSTATEs that Headgate decides on, each with what it means for us. Decisions are never made on message text.
 * Source: PostgreSQL manual, appendix A "PostgreSQL Error Codes".
 */

/** Another transaction was in the way; the whole transaction may be tried again. */
export const retryable: ReadonlySet<string> = new Set([
  "55P03", // lock_not_available: lock_timeout ran out
  "40P01", // deadlock_detected
  "40001", // serialization_failure
]);

/** The server is there and will take connections in a moment. */
export const serverNotReady: ReadonlySet<string> = new Set([
  "57P03", // cannot_connect_now: starting up, shutting down or in recovery
  "57P01", // admin_shutdown: it is going down, as the temporary server of a first start does
  "57P02", // crash_shutdown
  "53300", // too_many_connections
]);

/** The server refuses this client, and trying again will not help. */
export const refused: Readonly<Record<string, string>> = {
  "28P01": "the password is wrong, or the role does not exist",
  "28000": "the role does not exist or may not connect from here",
  "3D000": "the database does not exist",
  "42501": "the role lacks a privilege",
  "08P01": "the server does not understand us; is a connection pooler in between?",
};

/** The connection is gone. Class 08 is added by `isConnectionLost`. */
const connectionLost: ReadonlySet<string> = new Set(["57P01", "57P02", "57P05", "25P03"]);

const unreachableErrnos: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENETDOWN",
  "ETIMEDOUT",
  "EPIPE",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_NODATA",
  "EAI_NONAME",
  "ENOENT",
]);

/** The five characters of a server's error, or Node's errno name; undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  if (typeof code === "string") return code;
  return error instanceof AggregateError && error.errors.length > 0 ? codeOf(error.errors[0]) : undefined;
}

/** Whether the error came from the server and not from the network or from us. */
export function isServerError(error: unknown): boolean {
  return typeof (error as { severity?: unknown } | null | undefined)?.severity === "string";
}

/** The network did not bring us to a server. */
export function isUnreachable(error: unknown): boolean {
  return !isServerError(error) && unreachableErrnos.has(codeOf(error) ?? "");
}

/** The session that was there has ended. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  return connectionLost.has(code) || code.startsWith("08") || isUnreachable(error);
}
