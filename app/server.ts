/** The program behind `serve`: node dist/programs/server.cjs [flags]. */
import { serve } from "./serve.ts";

void serve({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  // Only a failure needs it, and every start would pay for opening it.
  get stderr() {
    return process.stderr;
  },
  signals: process,
  exit: (exitCode) => process.exit(exitCode),
}).then((code) => process.exit(code));
