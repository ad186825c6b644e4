#!/usr/bin/env node
import { start } from "./start/start.ts";

process.exit(await start({ argv: process.argv.slice(2), env: process.env, stderr: process.stderr }));
