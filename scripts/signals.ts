import { constants } from "node:os";
import { AppError } from "../app/errors.ts";

/**
 * A signal that fires on the first TERM or INT; its reason is an AppError with the exit code 128+n. A second one ends
 * the process at once: whoever sends it does not want to wait for a roll-back.
 */
export function listenForSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    const exitCode = 128 + constants.signals[name];
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitCode);
      controller.abort(
        new AppError("interrupted", `Stopped by ${name}; what was not committed is rolled back.`, {
          details: { exitCode },
        }),
      );
    });
  }
  return controller.signal;
}
