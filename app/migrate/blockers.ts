import type { Session } from "../database/session.ts";
import type { Blocker } from "./events.ts";

const longestQuery = 100;

/** Who keeps the backend `pid` waiting: sessions, and transactions that were prepared for a two-phase commit. */
export async function readBlockers({ client }: Pick<Session, "client">, pid: number): Promise<Blocker[]> {
  const { rows } = await client.query<{
    pid: number;
    state: string | null;
    query: string | null;
    age: string | null;
    application_name: string | null;
  }>(
    // A prepared transaction has no backend; all of them together are pid 0.
    `SELECT b.pid, a.state, a.query, extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000 AS age, a.application_name
       FROM (SELECT DISTINCT pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) AS u(pid)) b
       LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
      WHERE b.pid = 0 OR a.pid IS NOT NULL
      ORDER BY a.xact_start, b.pid`,
    [pid],
  );
  const sessions = rows.filter((row) => row.pid !== 0);
  const prepared = sessions.length < rows.length ? await readPrepared(client, pid) : [];
  return [
    ...prepared,
    ...sessions.map((row) => ({
      pid: row.pid,
      state: row.state,
      query: beginningOf(row.query ?? ""),
      age: millisecondsOf(row.age),
      applicationName: row.application_name,
    })),
  ];
}

interface PreparedRow {
  readonly gid: string;
  readonly owner: string;
  readonly age: string | null;
  /** Lock modes on the same object: theirs, and the one that is waited for. */
  readonly held: string | null;
  readonly wanted: string | null;
}

/**
 * The prepared transactions of this database that hold what `pid` waits for. Their locks have no pid; one of them is on
 * their own number, and the others carry the same virtual transaction. Where none is found that way, all of them are
 * named: one of them it is.
 */
async function readPrepared(client: Session["client"], pid: number): Promise<Blocker[]> {
  const { rows } = await client.query<PreparedRow>(
    `WITH locks AS (SELECT * FROM pg_catalog.pg_locks)
     SELECT x.gid, x.owner, extract(epoch FROM pg_catalog.clock_timestamp() - x.prepared) * 1000 AS age, l.held, l.wanted
       FROM pg_catalog.pg_prepared_xacts x
       LEFT JOIN (
         SELECT own.transactionid, held.mode AS held, wanted.mode AS wanted
           FROM locks own
           JOIN locks held ON held.virtualtransaction = own.virtualtransaction AND held.pid IS NULL AND held.granted
           JOIN locks wanted ON wanted.pid = $1 AND NOT wanted.granted
            AND (held.locktype, held.database, held.relation, held.page, held.tuple, held.transactionid, held.classid, held.objid, held.objsubid)
                IS NOT DISTINCT FROM
                (wanted.locktype, wanted.database, wanted.relation, wanted.page, wanted.tuple, wanted.transactionid, wanted.classid, wanted.objid, wanted.objsubid)
          WHERE own.locktype = 'transactionid' AND own.pid IS NULL
       ) l ON l.transactionid = x.transaction
      WHERE x.database = pg_catalog.current_database()
      ORDER BY x.prepared`,
    [pid],
  );
  const inTheWay = rows.filter(
    ({ held, wanted }) => held !== null && wanted !== null && conflict(held, wanted),
  );
  return (inTheWay.length > 0 ? inTheWay : rows).filter(isFirstOfItsName).map(({ gid, owner, age }) => ({
    pid: 0,
    state: "prepared",
    query: "",
    age: millisecondsOf(age),
    applicationName: null,
    prepared: { gid, owner },
  }));
}

function isFirstOfItsName({ gid }: PreparedRow, index: number, rows: readonly PreparedRow[]): boolean {
  return rows.findIndex((row) => row.gid === gid) === index;
}

/** Lock modes, weakest first, each with the weakest that it conflicts with. Source: the manual, "Explicit Locking". */
const weakestConflict = {
  AccessShareLock: 7,
  RowShareLock: 6,
  RowExclusiveLock: 4,
  ShareUpdateExclusiveLock: 3,
  ShareLock: 2,
  ShareRowExclusiveLock: 2,
  ExclusiveLock: 1,
  AccessExclusiveLock: 0,
} as const;
const modes = Object.keys(weakestConflict);

function conflict(held: string, wanted: string): boolean {
  if (held === "ShareLock" && wanted === "ShareLock") return false;
  return modes.indexOf(held) >= (weakestConflict[wanted as keyof typeof weakestConflict] ?? 0);
}

/** What tells one blocker from another. */
export function keyOf({ pid, prepared }: Blocker): string {
  return prepared === undefined ? String(pid) : `prepared ${prepared.gid}`;
}

/** The query on one line, with its literals removed: it identifies the session and shows no data. */
export function beginningOf(query: string): string {
  const line = query
    .replaceAll(/'(?:[^']|'')*'?/g, "'…'")
    .replaceAll(/\s+/g, " ")
    .trim();
  return line.length <= longestQuery ? line : `${line.slice(0, longestQuery)}…`;
}

/** `pid 812 (idle in transaction, for 12 s: SELECT …)`, for messages. */
export function nameBlockers(blockers: readonly Blocker[]): string {
  return blockers.map(nameBlocker).join(", ");
}

function nameBlocker({ pid, state, query, age, prepared }: Blocker): string {
  const since = age === null ? "" : `, for ${Math.round(age / 1000)} s`;
  return prepared === undefined
    ? `pid ${pid} (${state ?? "state unknown"}${since}: ${query})`
    : `${shortNameOf({ pid, prepared })} (of ${prepared.owner}${since}; COMMIT PREPARED or ROLLBACK PREPARED ends it)`;
}

/** `pid 812`, or `prepared transaction 'its name'`. */
export function shortNameOf({ pid, prepared }: Pick<Blocker, "pid" | "prepared">): string {
  return prepared === undefined
    ? `pid ${pid}`
    : `prepared transaction '${prepared.gid.replaceAll("'", "''")}'`;
}

function millisecondsOf(age: string | null): number | null {
  return age === null ? null : Math.round(Number(age));
}
