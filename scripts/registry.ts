#!/usr/bin/env node
/** `registry …`: what people do with the registry's data. */
import { runRegistry } from "./registry/run.ts";

void runRegistry({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
}).then((code) => (process.exitCode = code));
