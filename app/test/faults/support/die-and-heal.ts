import { expect } from "@jest/globals";
import { compareCatalogues } from "../../support/read-catalogue.ts";
import type { RunningProgram } from "../../support/run-program.ts";
import { report } from "./report.ts";
import type { Hold, Outcome, Scene } from "./scene.ts";

/** What is promised: a killed runner's session, and with it the lock, is gone within so many milliseconds. */
export const promisedRelease = 5000;

/**
 * Kills a runner that `hold` holds up, waits until its backend is gone, lets go, and expects that the next run, which
 * nobody helped, reaches the undisturbed outcome.
 */
export async function dieAndHeal(scene: Scene, hold: Hold, undisturbed: Outcome, runner: RunningProgram = scene.startUp()): Promise<void> {
  await die(scene, runner);
  await hold.letGo();
  await heal(scene, undisturbed);
}

/** Kills a runner in what it is waiting for, and returns when the server has noticed. */
export async function die(scene: Scene, runner: RunningProgram): Promise<void> {
  const backend = await scene.waitUntilStuck(runner);
  runner.kill("SIGKILL");
  expect(await runner.ended).toMatchObject({ code: undefined, signal: "SIGKILL" });
  const milliseconds = await scene.waitUntilGone(backend);
  report("killed runner's backend is gone", milliseconds);
  expect(milliseconds).toBeLessThan(promisedRelease);
}

/** The next run alone reaches the outcome, and the one after it finds nothing to do. */
export async function heal(scene: Scene, undisturbed: Outcome): Promise<void> {
  const next = await scene.up();
  expect({ code: next.code, stderr: next.code === 0 ? "" : next.stderr }).toEqual({ code: 0, stderr: "" });
  await expectOutcome(scene, undisturbed);
  expect(await scene.up()).toMatchObject({ code: 0, stdout: expect.stringContaining("Nothing is pending") });
}

export async function expectOutcome(scene: Scene, undisturbed: Outcome): Promise<void> {
  const outcome = await scene.outcome();
  expect(compareCatalogues(undisturbed.catalogue, outcome.catalogue)).toEqual({ missing: [], extra: [], changed: [] });
  expect(outcome.data).toEqual(undisturbed.data);
  expect(outcome.applied).toEqual(undisturbed.applied);
}
