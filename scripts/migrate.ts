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
