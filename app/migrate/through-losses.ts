import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/settings.ts";
import { AppError, messageOf } from "../errors.ts";
import { backOff } from "./apply-in-transaction.ts";
import { ConnectionLost } from "./connection-lost.ts";
import { RunMemory } from "./run-memory.ts";
import type { RunResult } from "./run-steps.ts";
import type { RunOptions } from "./with-lock.ts";

/**
 * Runs a command, and again when it loses its connection: each attempt connects, takes the lock, reads the ledger and
 * plans anew, and goes on with what is left of the first plan. After `retries` losses in a row without progress, or when
 * no server is ready within its time, it gives up.
 *
 * @param failed makes the command's result of what was done until it was given up
 * @throws what the last attempt throws, where no migration was under way
 */
export async function throughLosses<Plan, Result>(
  { retries }: Pick<Config, "retries">,
  { signal, listener }: RunOptions,
  attempt: (memory: RunMemory<Plan>) => Promise<Result>,
  failed: (plan: Plan, result: RunResult) => Result,
): Promise<Result> {
  const memory = new RunMemory<Plan>();
  for (;;) {
    try {
      return await attempt(memory);
    } catch (error) {
      if (signal?.aborted || !(error instanceof AppError) || error.code !== "database-unreachable")
        throw error;
      if (error instanceof ConnectionLost) {
        memory.remember(error);
        if (memory.inVain <= retries) {
          const delay = backOff(memory.inVain);
          const name = memory.open?.step.migration.file.name ?? "connection";
          listener?.({
            type: "retry",
            name,
            attempt: memory.inVain,
            retries,
            delay,
            reason: messageOf(error),
          });
          await sleep(delay, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
          continue;
        }
      }
      const result = memory.giveUp(error);
      if (result?.failed === undefined || memory.plan === undefined) throw error;
      const { name, error: reason } = result.failed;
      const direction = memory.open!.result.direction;
      listener?.({ type: "failed", name, direction, message: reason.message });
      return failed(memory.plan, result);
    }
  }
}
