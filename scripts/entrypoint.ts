import { read, writeFileSync } from "node:fs";
import { loadConfig } from "../app/config/load.ts";
import { exitCodeOf, reportError } from "../app/exit-code.ts";
import { endProcess } from "./end-process.ts";
import { lateStream } from "./late-stream.ts";
import { listenForSignals } from "./signals.ts";

/**
 * What docker-entrypoint.sh leaves to us, in one process, since every start of a container pays for it. First it is told
 * what it needs of the configuration, as `KEY=value` lines that are safe in a shell and hold no secret, up to an empty
 * line; a bad configuration is reported here, before anything is waited for: exit code 2. Then the `migrate` commands
 * that it writes to our standard input are run (those of migrate/phases.ts), a name a line, until one has another exit
 * code than 0.
 */
async function main(argv: readonly string[]): Promise<number> {
  const signal = listenForSignals();
  try {
    tellSettings(argv);
  } catch (error) {
    return reportError(error, process.stderr);
  }
  // What migrates is loaded while the settings are read and PostgreSQL is asked whether it is ready.
  const { phases } = await import("./migrate/phases.ts");
  const stdout = lateStream(1, () => process.stdout);
  const stderr = lateStream(2, () => process.stderr);
  for await (const name of readLines(signal)) {
    const phase = phases.get(name);
    if (phase === undefined) return reportError(new Error(`There is no phase "${name}".`), stderr);
    const code = await phase(argv, {
      env: process.env,
      get stdin() {
        return process.stdin;
      },
      stdout,
      stderr,
      signal,
    });
    if (code !== 0) return code;
  }
  return signal.aborted ? exitCodeOf(signal.reason) : 0;
}

function tellSettings(argv: readonly string[]): void {
  const config = loadConfig({ argv, env: process.env });
  const { host, port } = config.migrateOnStart === "off" ? config.database : config.migrationDatabase;
  const lines = {
    WAIT_HOST: host,
    WAIT_PORT: String(port),
    WAIT_SECONDS: String(Math.ceil(config.waitTimeout / 1000)),
    MIGRATE_ON_START: config.migrateOnStart,
    LOG_FORMAT: config.logFormat ?? "",
  };
  // A host that is none would be refused by pg_isready anyway; here it must not reach a shell.
  const isSafe = (value: string): boolean => /^[A-Za-z0-9_.:/%-]*$/.test(value);
  const told = Object.entries(lines).map(
    ([key, value]) => `${key}=${isSafe(value) ? value : "invalid-host-name"}\n`,
  );
  // Not process.stdout: to open that takes longer than all the rest.
  writeFileSync(1, `${told.join("")}\n`);
}

/** Lines of standard input, until it or the signal ends them. Read by hand: to load the stream for it takes longer. */
async function* readLines(signal: AbortSignal): AsyncGenerator<string> {
  const aborted = new Promise<number>((resolve) =>
    signal.addEventListener("abort", () => resolve(0), { once: true }),
  );
  const buffer = Buffer.alloc(256);
  let text = "";
  for (;;) {
    const next = new Promise<number>((resolve) =>
      read(0, buffer, (error, length) => resolve(error === null ? length : 0)),
    );
    const length = await Promise.race([next, aborted]);
    if (length === 0) return;
    const lines = (text + buffer.toString("latin1", 0, length)).split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}

void main(process.argv.slice(2)).then(endProcess);
