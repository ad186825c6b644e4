import { constants } from "node:os";
import { loadConfig } from "./config/load.ts";
import { reportError } from "./exit-code.ts";
import { createPool, openConnection } from "./database/pool.ts";
import type { Logger } from "./log.ts";

/** What `serve` takes from the process it runs in. */
export interface ServeOptions {
  /** Flags of the settings table. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Takes the log. */
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Takes the reason when the service cannot start. */
  readonly stderr: { write(text: string): unknown };
  readonly signals: {
    on(signal: Signal, listener: () => void): unknown;
    off(signal: Signal, listener: () => void): unknown;
  };
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

type Signal = (typeof signals)[number];
const signals = ["SIGTERM", "SIGINT"] as const;

/**
 * Serves until TERM or INT, then stops in good order; a second signal ends the process at once. Returns the exit code.
 */
export async function serve(options: ServeOptions): Promise<number> {
  const told = listenForSignals(options);
  try {
    const config = loadConfig({ argv: [...options.argv], env: options.env });
    let log: Logger | undefined;
    const pool = createPool(config, (error) => log?.warn({ error }, "an idle database connection broke"));
    // While the rest of the program is loaded, the server makes a process for our first connection.
    openConnection(pool);
    const { createLog } = await import("./log.ts");
    const { stdout } = options;
    const format = config.logFormat ?? (stdout.isTTY ? "pretty" : "json");
    log = createLog({ level: config.logLevel, format, stream: stdout });
    const { startService } = await import("./service.ts");
    const service = await startService(config, log, pool);
    log.info({ signal: await told.first }, "stopping");
    await service.stop();
    return 0;
  } catch (error) {
    return reportError(error, options.stderr);
  } finally {
    told.dispose();
  }
}

function listenForSignals({ signals: source, exit }: ServeOptions): {
  first: Promise<Signal>;
  dispose(): void;
} {
  let count = 0;
  let resolve: (signal: Signal) => void;
  const first = new Promise<Signal>((resolveFirst) => (resolve = resolveFirst));
  const listeners = signals.map((signal) => {
    const listener = (): void => {
      if (++count === 1) resolve(signal);
      else exit(128 + constants.signals[signal]);
    };
    source.on(signal, listener);
    return [signal, listener] as const;
  });
  return { first, dispose: () => listeners.forEach(([signal, listener]) => source.off(signal, listener)) };
}
