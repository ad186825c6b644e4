import { closeSession, openSession, type Session } from "../database/session.ts";
import { keyOf, readBlockers } from "./blockers.ts";
import type { Blocker, Listener } from "./events.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { readActivity } from "./session-activity.ts";

/** Looks at a migration from outside while it runs. */
export interface Watcher {
  /** Passes events on, and learns from them what is known of the migration. */
  readonly listener: Listener;
  /**
   * Begins to watch a migration; the one before is not watched any more.
   *
   * @param statements how many are done and how many there are, of one that runs statement by statement
   */
  watch(name: string, statements?: { readonly done: number; readonly total: number }): void;
  /** Who was last seen in the way of the migration being watched. */
  lastBlockers(): readonly Blocker[];
  /** Ends watching. Never throws. */
  close(): Promise<void>;
}

/** Short migrations are over before anybody looks. */
const firstLook = 500;
const interval = 1000;
const usualSilence = 15_000;

/**
 * Tells the listener who keeps a running migration waiting, how far an index build has come and, when nothing was said
 * for `silence` milliseconds, that it still runs. It needs a connection of its own, since the session is busy; that is
 * opened only when a migration takes longer than `firstLook` or a third of `lockTimeout`. Watching is a help and no
 * more: where it fails, the migration goes on unwatched.
 */
export function createWatcher(
  session: Session,
  lockTimeout: number,
  listener: Listener,
  silence: number = usualSilence,
): Watcher {
  let name: string | undefined;
  let blockers: readonly Blocker[] = [];
  let reported = "";
  let observer: Session | undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const closing = new AbortController();
  const heartbeat = createHeartbeat(listener, silence);

  const schedule = (delay: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      // One look after the other: two at once would open two connections and forget one of them.
      looking = looking.then(look).catch(() => undefined);
    }, delay);
    timer.unref();
  };

  async function look(): Promise<void> {
    const watched = name;
    if (watched === undefined) return;
    if (observer === undefined || observer.lostBecause() !== undefined)
      observer = await openSession(session.address, "watch", 5000, closing.signal);
    const found = await readBlockers(observer, session.backendPid);
    const { build, ...activity } = await readActivity(observer, session.backendPid);
    if (name !== watched) return;
    // Statements that run CONCURRENTLY wait for whole transactions; only some of them have phases.
    const phase =
      build?.lockers === undefined
        ? activity.waitEvent === "Lock: virtualxid"
          ? "waiting for its transaction to end"
          : undefined
        : build.lockers.total > 0
          ? `${build.phase}, ${Math.min(build.lockers.done + 1, build.lockers.total)} of ${build.lockers.total}`
          : build.phase;
    const waiting = { blockers: found, ...(phase === undefined ? {} : { phase }) };
    heartbeat.sees({
      ...activity,
      ...waiting,
      ...(build === undefined ? {} : { phase: phase ?? build.phase }),
    });
    const key = found.length === 0 ? "" : `${found.map(keyOf).join()} ${build?.phase ?? ""}`;
    if (found.length > 0) blockers = found;
    if (found.length > 0 && key !== reported) {
      heartbeat.hears();
      listener({ type: "blocked", name: watched, ...waiting });
    }
    reported = key;
    if (build !== undefined)
      listener({
        type: "index-progress",
        name: watched,
        phase: phase ?? build.phase,
        percent: build.percent,
        blockers: found,
      });
    schedule(interval);
  }

  return {
    listener(event) {
      heartbeat.hears(event);
      listener(event);
    },
    watch(next, statements) {
      [name, blockers, reported] = [next, [], ""];
      heartbeat.begin(next, statements);
      schedule(Math.min(firstLook, lockTimeout > 0 ? lockTimeout / 3 : firstLook));
    },
    lastBlockers: () => blockers,
    async close() {
      name = undefined;
      heartbeat.end();
      clearTimeout(timer);
      closing.abort();
      if (observer !== undefined) await closeSession(observer);
      await looking;
      clearTimeout(timer);
      if (observer !== undefined) await closeSession(observer);
    },
  };
}
