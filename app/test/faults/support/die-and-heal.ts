import { expect } from "@jest/globals";
import type { RunningProgram } from "../../support/run-program.ts";
import { report } from "./report.ts";
import type { Hold, Outcome, Scene } from "./scene.ts";

/** What is promised: a killed runner's session, and with it the lock, is gone within so many milliseconds. */
export const promisedRelease = 5000;

/**
 * Kills a runner that `hold` holds up, waits until its backend is gone, lets go, and runs the next one, which nobody
 * helps.
 *
 * @returns what the next run reached
 */
export async function dieAndHeal(
  scene: Scene,
  hold: Hold,
  runner: RunningProgram = scene.startUp(),
): Promise<Outcome> {
  await die(scene, runner);
  await hold.letGo();
  return await heal(scene);
}

/** Kills a runner in what it is waiting for, and returns when the server has noticed, which it does in time. */
export async function die(scene: Scene, runner: RunningProgram, event?: string): Promise<void> {
  const backend = await scene.waitUntilStuck(runner, event);
  runner.kill("SIGKILL");
  expect(await runner.ended).toMatchObject({ code: undefined, signal: "SIGKILL" });
  const milliseconds = await scene.waitUntilGone(backend);
  report(`killed runner's backend is gone${event === undefined ? "" : ` (${event})`}`, milliseconds);
  expect(milliseconds).toBeLessThan(promisedRelease);
}

/** What the next run reaches, which must succeed. */
export async function heal(scene: Scene): Promise<Outcome> {
  const next = await scene.up();
  expect({ code: next.code, stderr: next.code === 0 ? "" : next.stderr }).toEqual({ code: 0, stderr: "" });
  return await scene.outcome();
}
