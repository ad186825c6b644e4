import { setTimeout as sleep } from "node:timers/promises";

export interface WaitOptions {
  /** Milliseconds until it gives up. */
  readonly timeout?: number;
  /** Milliseconds between two looks. */
  readonly interval?: number;
}

/**
 * What `look` returns as soon as that is neither undefined, null nor false. An error of `look` means "not yet"; the
 * last one is the cause of the error that is thrown when the time is up.
 *
 * @param what finishes the sentence "waited in vain for …"
 */
export async function waitForCondition<T>(
  what: string,
  look: () => T | Promise<T>,
  { timeout = 60_000, interval = 20 }: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = Date.now() + timeout;
  let cause: unknown;
  do {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) {
        return found as Exclude<T, undefined | null | false>;
      }
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await sleep(interval);
  } while (Date.now() < deadline);
  throw new Error(`waited in vain for ${what} (${timeout} ms)`, { cause });
}
