import { it } from "@jest/globals";

/**
 * `it`, or where there is a reason against it, a test that is skipped; its title says why, and the last lines of a run
 * show the titles of all that were skipped.
 */
export function itUnless(
  reason: string | undefined,
): (title: string, run: () => void | Promise<void>, timeout?: number) => void {
  if (reason === undefined) return (title, run, timeout) => it(title, run, timeout);
  return (title, run) => it.skip(`${title} (skipped: ${reason})`, run);
}
