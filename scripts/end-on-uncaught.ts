import { writeSync } from "node:fs";
import { latestCode } from "../app/migrate/code-guard.ts";
import { messageOf } from "../app/errors.ts";
import { printable } from "../app/printable.ts";

/**
 * What fails where nobody waits for it ends the process with a sentence instead of the text of our program: exit 6 when
 * a migration in code has run in this process and most probably left it behind, else 1.
 */
export function endOnUncaught(): void {
  const end = (error: unknown): void => {
    const code = latestCode();
    const reason = printable(messageOf(error));
    const message =
      code === undefined
        ? `Internal error: ${reason}`
        : `${code.name} left something running that failed after it was over: ${reason}. \`migrate status\` shows what is applied.`;
    try {
      writeSync(2, `${message}\n`);
    } catch {
      // Where stderr is closed, the exit code has to do.
    }
    // A run that fails already has its answer to give; it ends by itself.
    if (code?.hasFailed === true) {
      process.exitCode = 6;
      setTimeout(() => process.exit(6), 5000).unref();
      return;
    }
    process.exit(code === undefined ? 1 : 6);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}
