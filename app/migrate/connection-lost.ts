import type { Session } from "../database/session.ts";
import { placeOf } from "../database/preflight.ts";
import { codeOf, isServerError } from "../database/sqlstate.ts";
import { AppError, messageOf } from "../errors.ts";
import { serverError } from "./failure.ts";

/** The connection was lost in the middle of a command: no word on any migration, and reason to begin again. */
export class ConnectionLost extends AppError {
  /** How the server ended it, if it said so. */
  readonly sqlstate: string | undefined;
  /** Which start of which server it was, as `Session.serverStart`. */
  readonly serverStart: string;

  /** @param outcome a sentence: what became of what was under way */
  constructor(
    session: Pick<Session, "address" | "serverStart" | "lostBecause">,
    cause: unknown,
    outcome: string,
  ) {
    const reason = isServerError(serverError(cause)) ? serverError(cause) : (session.lostBecause() ?? cause);
    super(
      "database-unreachable",
      `The connection to PostgreSQL at ${placeOf(session.address)} was lost: ${messageOf(reason)}. ${outcome}`,
      { cause },
    );
    const codes = [codeOf(serverError(cause)), codeOf(session.lostBecause())];
    this.sqlstate = codes.find((code) => code !== undefined && /^[0-9A-Z]{5}$/.test(code));
    this.serverStart = session.serverStart;
  }
}

/** pg_terminate_backend, or a server that is shut down in good order: which of them, its next start tells. */
export const endedByDecision = "57P01";

/** The server's limits for sessions that are idle, and for transactions: they come again where nothing changes. */
export const endedByLimit: ReadonlySet<string> = new Set(["25P03", "25P04", "57P05"]);
