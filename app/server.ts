/** The program behind `serve`: node dist/programs/server.cjs [flags]. */
import { serve } from "./serve.ts";

void serve({
  argv: process.argv.slice(2),
  env: process.env,
  // Opened when they are needed: while the first connection is made, and only for a failure.
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  signals: process,
  exit: (exitCode) => process.exit(exitCode),
}).then((code) => process.exit(code));
