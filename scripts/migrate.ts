#!/usr/bin/env node
import { endProcess } from "./end-process.ts";
import { runMigrate } from "./migrate/run.ts";
import { listenForSignals } from "./signals.ts";

const { env, stdout, stderr } = process;
void runMigrate(process.argv.slice(2), {
  env,
  // Only a prompt needs it, and every start would pay for opening it.
  get stdin() {
    return process.stdin;
  },
  stdout,
  stderr,
  signal: listenForSignals(),
}).then(endProcess);
