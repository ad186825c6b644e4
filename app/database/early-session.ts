import type { DatabaseAddress } from "../config/settings.ts";
import { leaveSession, openSession, type Session } from "./session.ts";

/**
 * A session that is begun before it is certain that it will be wanted, so that the server makes a process for it while
 * something else is done. One try: whoever does not get it makes a session as if there had been none.
 */
export class EarlySession {
  #session: Promise<Session | undefined> | undefined;

  /** @param timeout for the try, in milliseconds */
  constructor(address: DatabaseAddress, activity: string, timeout: number, signal?: AbortSignal) {
    this.#session = openSession(address, activity, timeout, signal).catch(() => undefined);
  }

  /** It belongs to the caller from now on. undefined: it could not be had, has ended since, or somebody else has it. */
  async take(): Promise<Session | undefined> {
    const taken = this.#session;
    this.#session = undefined;
    const session = await taken;
    return session?.lostBecause() === undefined ? session : undefined;
  }

  /** Ends it unless it was taken. */
  async drop(): Promise<void> {
    const session = await this.take();
    if (session !== undefined) leaveSession(session);
  }
}
