#!/usr/bin/env node
import { endOnUncaught } from "./end-on-uncaught.ts";
import { endProcess } from "./end-process.ts";
import { lateStream } from "./late-stream.ts";
import { runMigrate } from "./migrate/run.ts";
import { listenForSignals } from "./signals.ts";

endOnUncaught();
void runMigrate(process.argv.slice(2), {
  env: process.env,
  // Only a prompt needs it, and every start would pay for opening it.
  get stdin() {
    return process.stdin;
  },
  stdout: lateStream(1, () => process.stdout),
  stderr: lateStream(2, () => process.stderr),
  signal: listenForSignals(),
}).then(endProcess);
