import { join } from "node:path";
import type { SettingValues } from "../../app/config/settings.ts";
import { projectRoot } from "../../app/version.ts";
import { startGuarded, type GuardedProcess } from "../embedded-postgres/guarded-process.ts";
import type { Interruption } from "./interruption.ts";
import { waitUntilReady } from "./wait-until-ready.ts";

export interface ServiceOptions {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly settings: SettingValues;
  readonly interruption: Interruption;
  /** The service is stopped when this resolves: it cannot work without its database. */
  readonly databaseEnded?: Promise<unknown>;
  readonly onReady: () => void;
}

/**
 * Runs `docker-entrypoint.sh serve`, as a container does, until it ends or we are told to stop it.
 *
 * @returns its exit status; 130 instead of 143 when it was cut off before it served, by Ctrl-C
 */
export async function runService(options: ServiceOptions): Promise<number> {
  const { interruption } = options;
  interruption.check();
  const service = await startGuarded({
    command: [join(projectRoot, "docker-entrypoint.sh"), "serve", ...options.argv],
    env: options.env,
    output: { stdout: "inherit", stderr: "inherit" },
    stop: {
      signal: "TERM",
      hard: "KILL",
      graceSeconds: Math.ceil(options.settings.shutdownTimeout / 1000) + 5,
    },
  });
  stopWhenAsked(service, interruption);
  void options.databaseEnded?.then(() => service.signal("TERM"));
  // A courtesy: where wait-on is not installed (npm ci --omit=dev), nothing is announced.
  announce(service, options).catch(() => undefined);
  const status = await service.ended;
  return interruption.stop.aborted && status >= 128 ? interruption.exitCode() : status;
}

function stopWhenAsked(service: GuardedProcess, { stop, hurry }: Interruption): void {
  const onStop = (): void => service.signal("TERM");
  if (stop.aborted) onStop();
  stop.addEventListener("abort", onStop);
  hurry.addEventListener("abort", () => service.signal("KILL"));
}

async function announce(
  service: GuardedProcess,
  { settings, interruption, onReady }: ServiceOptions,
): Promise<void> {
  // Port 0 is any free port, which only the service's own log names.
  if (settings.port === 0) return;
  await waitUntilReady(settings.address?.host ?? "127.0.0.1", settings.port);
  if (!service.hasEnded() && !interruption.stop.aborted) onReady();
}
