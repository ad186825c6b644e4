#!/usr/bin/env node
import { runMigrate } from "./migrate/run.ts";
import { listenForSignals } from "./signals.ts";

process.exitCode = await runMigrate(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: listenForSignals(),
});

// Whatever may still be open by now must not keep a job running that is done. What was written gets its second to leave.
setTimeout(() => process.exit(), 1000).unref();
