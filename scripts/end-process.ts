/**
 * Ends the process with this exit code once nothing is left to do. Whatever may still be open must not keep a job running
 * that is done: after a second, which what was written gets to leave, it ends all the same.
 */
export function endProcess(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(), 1000).unref();
}
