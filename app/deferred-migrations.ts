import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "./config/settings.ts";
import { AppError } from "./errors.ts";
import type { Logger } from "./log.ts";
import { createEventLog } from "./migration-log.ts";

export interface DeferredMigrations {
  /** Stops what runs; it is rolled back or resumed by the next runner. */
  stop(): Promise<void>;
}

const pauseWhileNotReady = 1000;
const pauseWhileOthersMigrate = 30_000;

/**
 * Applies the deferred migrations of this image in the background, once the service is ready. Whoever gets the
 * migration lock is elected; the other replicas look again later, in case it dies. Does nothing where migrations are
 * not this process's business (`MIGRATE_ON_START` is not `up`): `migrate deferred` is for that.
 */
export function startDeferredMigrations(
  config: Config,
  log: Logger,
  { hasDeferred, isReady }: { readonly hasDeferred: boolean; readonly isReady: () => Promise<boolean> },
): DeferredMigrations {
  const controller = new AbortController();
  const { signal } = controller;
  const running = hasDeferred && config.migrateOnStart === "up" ? run() : Promise.resolve();

  async function run(): Promise<void> {
    while (!signal.aborted && !(await isReady())) await pause(pauseWhileNotReady);
    while (!signal.aborted && (await tryOnce()) === "try again") await pause(pauseWhileOthersMigrate);
  }

  async function tryOnce(): Promise<"try again" | "done"> {
    try {
      // The engine is loaded by the few images that have such migrations.
      const { migrateUp } = await import("./migrate/up.ts");
      await migrateUp(
        { ...config, lockWait: 0 },
        { deferred: "only", signal, listener: createEventLog(log) },
      );
      return "done";
    } catch (error) {
      if (signal.aborted) return "done";
      if (error instanceof AppError && error.code === "lock-not-obtained") return "try again";
      log.warn({ error }, "deferred migrations were not applied; `migrate deferred` does it");
      return "done";
    }
  }

  async function pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
  }

  return {
    async stop() {
      controller.abort(new AppError("interrupted", "The service stops."));
      await running;
    },
  };
}
