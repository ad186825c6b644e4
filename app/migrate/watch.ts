import { closeSession, openSession, type Session } from "../database/session.ts";
import { keyOf, readBlockers } from "./blockers.ts";
import type { Blocker, Listener } from "./events.ts";

/** Looks at a migration from outside while it runs. */
export interface Watcher {
  /** Begins to watch a migration; the one before is not watched any more. */
  watch(name: string): void;
  /** Who was last seen in the way of the migration being watched. */
  lastBlockers(): readonly Blocker[];
  /** Ends watching. Never throws. */
  close(): Promise<void>;
}

/** Short migrations are over before anybody looks. */
const firstLook = 500;
const interval = 1000;

/**
 * Tells the listener who keeps a running migration waiting and how far an index build has come. It needs a connection
 * of its own, since the session is busy; that is opened only when a migration takes longer than `firstLook` or a third
 * of `lockTimeout`. Watching is a help and no more: where it fails, the migration goes on unwatched.
 */
export function createWatcher(session: Session, lockTimeout: number, listener: Listener): Watcher {
  let name: string | undefined;
  let blockers: readonly Blocker[] = [];
  let reported = "";
  let observer: Session | undefined;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const closing = new AbortController();

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
    const progress = await readIndexProgress(observer, session.backendPid);
    if (name !== watched) return;
    const key = found.map(keyOf).join();
    if (found.length > 0) blockers = found;
    if (found.length > 0 && key !== reported) listener({ type: "blocked", name: watched, blockers: found });
    reported = key;
    if (progress !== undefined) listener({ type: "index-progress", name: watched, ...progress });
    schedule(interval);
  }

  return {
    watch(next) {
      [name, blockers, reported] = [next, [], ""];
      schedule(Math.min(firstLook, lockTimeout > 0 ? lockTimeout / 3 : firstLook));
    },
    lastBlockers: () => blockers,
    async close() {
      name = undefined;
      clearTimeout(timer);
      closing.abort();
      if (observer !== undefined) await closeSession(observer);
      await looking;
      clearTimeout(timer);
      if (observer !== undefined) await closeSession(observer);
    },
  };
}

async function readIndexProgress(
  { client }: Session,
  pid: number,
): Promise<{ phase: string; percent: number | undefined } | undefined> {
  const { rows } = await client.query<{ phase: string; done: string; total: string }>(
    `SELECT phase, greatest(blocks_done, tuples_done) AS done, CASE WHEN blocks_done > tuples_done THEN blocks_total ELSE tuples_total END AS total
       FROM pg_catalog.pg_stat_progress_create_index WHERE pid = $1`,
    [pid],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  const total = Number(row.total);
  return {
    phase: row.phase,
    percent: total > 0 ? Math.min(100, Math.round((Number(row.done) / total) * 100)) : undefined,
  };
}
