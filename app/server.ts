/** The program behind `serve`: node dist/app/server.js [flags]. */
import { serve } from "./serve.ts";

const code = await serve({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
  exit: (exitCode) => process.exit(exitCode),
});
process.exit(code);
