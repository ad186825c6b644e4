import type { UpPlan } from "../../app/migrate/up.ts";

/**
 * Leaves out V8's optimising compiler: a run of SQL waits for the server most of the time and ends before optimised code
 * would have paid for itself, and the compiler's own memory is what such a process has the most of at its peak. Called
 * once there is something to apply; a start with nothing to do ends before anything is optimised. Migrations in code may
 * compute for long, and keep it.
 */
export async function spareMemory({ steps }: UpPlan): Promise<void> {
  if (steps.some(({ migration }) => migration.file.kind === "code")) return;
  const { setFlagsFromString } = await import("node:v8");
  setFlagsFromString("--no-opt");
}
