import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "./config/settings.ts";
import { AppError, type ErrorCode } from "./errors.ts";
import type { Logger } from "./log.ts";
import { createEventLog } from "./migration-log.ts";

/** What may be over when it is tried again. */
const passes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "lock-not-obtained",
  "lock-lost",
  "database-unreachable",
]);

export interface DeferredMigrations {
  /** Stops what runs; it is rolled back or resumed by the next runner. */
  stop(): Promise<void>;
}

const pauseWhileNotReady = 1000;
const pauseWhileOthersMigrate = 30_000;

/**
 * Applies the deferred migrations of this image in the background, once the service is ready. Whoever gets the
 * migration lock is elected; the other replicas look again later, in case it dies. A lost connection is no end of it. Does nothing where migrations are
 * not this process's business (`MIGRATE_ON_START` is not `up`): `migrate deferred` is for that.
 */
export function startDeferredMigrations(
  config: Config,
  log: Logger,
  {
    hasDeferred,
    isReady,
    pauseBetweenTries = pauseWhileOthersMigrate,
  }: {
    readonly hasDeferred: boolean;
    readonly isReady: () => Promise<boolean>;
    /** Milliseconds. */
    readonly pauseBetweenTries?: number;
  },
): DeferredMigrations {
  const controller = new AbortController();
  const { signal } = controller;
  const running = hasDeferred && config.migrateOnStart === "up" ? run() : Promise.resolve();

  async function run(): Promise<void> {
    while (!signal.aborted && !(await isReady())) await pause(pauseWhileNotReady);
    while (!signal.aborted && (await tryOnce()) === "try again") await pause(pauseBetweenTries);
  }

  async function tryOnce(): Promise<"try again" | "done"> {
    try {
      // The engine is loaded by the few images that have such migrations.
      const { migrateUp } = await import("./migrate/up.ts");
      const { failed } = await migrateUp(
        { ...config, lockWait: 0 },
        { deferred: "only", signal, listener: createEventLog(log) },
      );
      return failed !== undefined && passes.has(failed.error.code) ? "try again" : "done";
    } catch (error) {
      if (signal.aborted) return "done";
      // Another replica is at it, or the server is away for a while: neither is a reason to leave the work undone.
      if (error instanceof AppError && passes.has(error.code)) return "try again";
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
