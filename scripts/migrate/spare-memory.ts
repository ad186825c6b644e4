/**
 * Leaves out V8's optimising compiler: a run waits for the server most of the time and ends before optimised code would
 * have paid for itself, and the compiler's own memory is what such a process has the most of at its peak. Called once
 * there is something to apply; a start with nothing to do ends before anything is optimised.
 */
export async function spareMemory(): Promise<void> {
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--no-opt");
}
