import type { Session } from "../database/session.ts";

/** What a backend does, as the server says. */
export interface SessionActivity {
  /** As in pg_stat_activity: `active`, `idle in transaction` …; null when it cannot be known. */
  readonly state: string | null;
  /** `Lock: relation`, `IO: DataFileRead`; null while it computes. */
  readonly waitEvent: string | null;
  /** The index that it builds. */
  readonly build?: IndexBuild;
}

export interface IndexBuild {
  readonly phase: string;
  readonly percent: number | undefined;
  /** Transactions whose end it waits for in this phase; undefined in phases that wait for none. */
  readonly lockers: { readonly done: number; readonly total: number } | undefined;
}

/** What the backend `pid` does; nothing of its query. */
export async function readActivity({ client }: Session, pid: number): Promise<SessionActivity> {
  const { rows } = await client.query<{
    state: string | null;
    type: string | null;
    event: string | null;
    phase: string | null;
    done: string;
    total: string;
    lockers_done: string;
    lockers_total: string;
  }>(
    `SELECT a.state, a.wait_event_type AS type, a.wait_event AS event, p.phase, greatest(p.blocks_done, p.tuples_done) AS done,
            CASE WHEN p.blocks_done > p.tuples_done THEN p.blocks_total ELSE p.tuples_total END AS total, p.lockers_done, p.lockers_total
       FROM pg_catalog.pg_stat_activity a LEFT JOIN pg_catalog.pg_stat_progress_create_index p ON p.pid = a.pid
      WHERE a.pid = $1`,
    [pid],
  );
  const row = rows[0];
  if (row === undefined) return { state: null, waitEvent: null };
  const waitEvent = row.type === null ? null : `${row.type}: ${row.event}`;
  if (row.phase === null) return { state: row.state, waitEvent };
  const isWaiting = row.phase.startsWith("waiting ");
  const total = Number(row.total);
  // The blocks and tuples of the phase before are still there while it waits.
  const percent =
    total > 0 && !isWaiting ? Math.min(100, Math.round((Number(row.done) / total) * 100)) : undefined;
  const lockers = isWaiting
    ? { done: Number(row.lockers_done), total: Number(row.lockers_total) }
    : undefined;
  return { state: row.state, waitEvent, build: { phase: row.phase, percent, lockers } };
}
