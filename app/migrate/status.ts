import { readAppliedMarks } from "./applied-marks.ts";
import type { Config } from "../config/settings.ts";
import type { History, HistoryConflict, KnownMigration } from "./history.ts";
import { compareOnGround } from "./compare-on-ground.ts";
import { readInvalidIndexes, type InvalidIndex } from "./invalid-index.ts";
import { readKnownMigrationsInSlices } from "./known-migrations.ts";
import { readLastRuns, type LastRun } from "./last-runs.ts";
import { lockKey, readLockHolder, type LockHolder } from "./lock.ts";
import { readAppliedRuns, type AppliedRun } from "./applied-runs.ts";
import { readLedger, type AppliedMigration, type LedgerState, type UnfinishedRun } from "./ledger.ts";
import { withMigrationSession } from "./migration-session.ts";
import { readUnfinishedBuilds } from "./unfinished-builds.ts";
import type { RunOptions } from "./with-lock.ts";

/** One row of the status table. */
export interface MigrationStatus {
  readonly version: string;
  readonly name: string;
  readonly state:
    | "applied"
    | "pending"
    | "deferred"
    | "ahead"
    | "missing"
    | "running"
    | "failed"
    | "stopped"
    | "interrupted";
  readonly appliedAt: string | null;
  /** Milliseconds. */
  readonly ranMs: number | null;
  readonly role: string | null;
  readonly host: string | null;
  /** The user of the operating system who ran it. */
  readonly operator: string | null;
  /** What is unusual about it; a sentence each. */
  readonly notes: readonly string[];
}

export interface Status {
  readonly migrations: readonly MigrationStatus[];
  /** The newest applied one, also when this image does not have it. */
  readonly current: string | null;
  /** Names of what `migrate up` would run. */
  readonly pending: readonly string[];
  readonly deferred: readonly string[];
  readonly ahead: readonly string[];
  readonly breaking: readonly string[];
  readonly conflicts: readonly HistoryConflict[];
  /** Migrations outside a transaction that began and did not finish. */
  readonly unfinished: readonly StatusUnfinished[];
  readonly invalidIndexes: readonly StatusInvalidIndex[];
  /** What lies in the folder, looks like a migration and is not run; a sentence each. */
  readonly leftOut: readonly string[];
}

export interface StatusUnfinished extends Pick<
  UnfinishedRun,
  "name" | "direction" | "state" | "statementsDone" | "statementsTotal" | "host"
> {
  /** ISO 8601 in UTC. */
  readonly startedAt: string;
}

export interface StatusInvalidIndex extends InvalidIndex {
  /** The unfinished migration whose statement names it. */
  readonly migration: string | null;
}

/**
 * Where a database stands, beside the files of this image. Only reads.
 *
 * @throws AppError as `migrateUp` does before it changes anything, save for what the status itself shows
 */
export async function readStatus(config: Config, options: RunOptions = {}): Promise<Status> {
  const leftOut: string[] = [];
  const reading = readKnownMigrationsInSlices(config, leftOut);
  const { signal, listener } = options;
  return await withMigrationSession(
    config,
    { activity: "migrate status", readOnly: true, signal, listener, meanwhile: reading },
    async ({ session, tables }) => {
      const known = await reading;
      const ledger = await readLedger(session.client, tables);
      const { history, ground } = await compareOnGround({ session, tables }, config, known, ledger);
      for (const text of ground?.warnings ?? []) listener?.({ type: "warning", name: "ledger", text });
      const runs = await readAppliedRuns(session.client, tables);
      const tries = await readLastRuns(session.client, tables);
      const holder = await readLockHolder(session, lockKey(session.database, tables));
      const indexes = await readInvalidIndexes(session);
      const owners =
        indexes.length === 0
          ? new Map<string, string>()
          : await readUnfinishedBuilds({ session, tables }, ledger.unfinished);
      const marks = await readAppliedMarks(history.applied.map(({ file }) => file));
      const status = describeStatus(
        history,
        ledger,
        { runs, tries, running: runningName(holder, known, tries) },
        indexes.map((index) => ({ ...index, migration: owners.get(index.name) ?? null })),
      );
      const migrations = status.migrations.map((row) => withNote(row, marks.get(row.name)));
      return { ...status, migrations, leftOut };
    },
  );
}

interface SeenRuns {
  readonly runs: ReadonlyMap<string, AppliedRun>;
  readonly tries: ReadonlyMap<string, LastRun>;
  /** The migration that is running now. */
  readonly running: string | undefined;
}

/**
 * What runs at this moment: by the ledger outside a transaction, where each statement is recorded; inside one by the
 * name that the holder of the lock has given itself, of which the server keeps the beginning.
 */
function runningName(
  holder: LockHolder | undefined,
  known: readonly KnownMigration[],
  tries: ReadonlyMap<string, LastRun>,
): string | undefined {
  for (const run of tries.values())
    if (run.state === "running" && (run.isAlive ?? holder !== undefined)) return run.name;
  const said = /^headgate migrate (?:up|down) (\S+)/.exec(holder?.applicationName ?? "")?.[1];
  return said === undefined ? undefined : known.find(({ name }) => name.startsWith(said))?.name;
}

function withNote(row: MigrationStatus, note: string | undefined): MigrationStatus {
  return note === undefined ? row : { ...row, notes: [...row.notes, note] };
}

/** Pure. */
export function describeStatus(
  history: History,
  ledger: LedgerState,
  { runs, tries, running }: SeenRuns,
  invalidIndexes: readonly StatusInvalidIndex[],
): Omit<Status, "leftOut"> {
  const appliedRow = (
    entry: AppliedMigration,
    version: string,
    state: "applied" | "ahead" | "missing",
    notes: readonly string[],
  ): MigrationStatus => {
    const { appliedAt, ...run } = runs.get(entry.name) ?? unknownRun;
    return { version, name: entry.name, state, appliedAt: appliedAt?.toISOString() ?? null, ...run, notes };
  };
  const deferred = history.pending.filter((file) => file.deferred).map(({ name }) => name);
  const notesFor = (name: string): string[] => [
    ...history.conflicts.filter((conflict) => conflict.name === name).map(({ message }) => message),
    ...history.unfinished
      .filter((run) => run.name === name)
      .map(({ direction, state, statementsDone, statementsTotal, startedAt }) =>
        name === running
          ? `${direction} is at statement ${statementsDone} of ${statementsTotal ?? "?"} (began ${startedAt.toISOString()}).`
          : `${direction} ${state === "failed" ? "failed" : state === "stopped" ? "was stopped" : "was interrupted"} after statement ${statementsDone} of ${statementsTotal ?? "?"} (began ${startedAt.toISOString()}); the next run resumes there.`,
      ),
  ];
  const halfDone = new Set(history.unfinished.map(({ name }) => name));
  const stateOf = (name: string, isDeferred: boolean): MigrationStatus["state"] => {
    if (name === running) return "running";
    const tried = tries.get(name);
    // A run that nobody ends any more says "running" until the next runner comes.
    if (tried !== undefined) return tried.state === "running" ? "interrupted" : tried.state;
    return isDeferred ? "deferred" : "pending";
  };
  const triesOf = (name: string): string[] => {
    const tried = tries.get(name);
    if (tried === undefined || name === running || halfDone.has(name)) return [];
    const [{ startedAt, host, error }, state] = [tried, stateOf(name, false)];
    const why = error === null ? "" : `: ${error}`;
    return [
      `${tried.direction} ${state === "failed" ? "failed" : `was ${state}`} on ${host} (began ${startedAt.toISOString()})${why}`,
    ];
  };
  const gone = new Set(
    history.conflicts.flatMap(({ kind, name }) =>
      kind === "missing" || kind === "moved" || kind === "collision" ? [name] : [],
    ),
  );
  const rows: MigrationStatus[] = [
    ...history.applied.map(({ file, entry }) =>
      appliedRow(entry, file.versionText, "applied", notesFor(file.name)),
    ),
    ...history.ahead.map((entry) =>
      appliedRow(
        entry,
        digits(entry),
        "ahead",
        entry.directives.breaking ? ["breaking: this image must not run on this schema"] : [],
      ),
    ),
    ...ledger.applied
      .filter(({ name }) => gone.has(name))
      .map((entry) => appliedRow(entry, digits(entry), "missing", notesFor(entry.name))),
    ...history.pending.map(({ versionText, name, downPath, deferred: isDeferred }) => ({
      version: versionText,
      name,
      state: stateOf(name, isDeferred),
      ...unknownRun,
      appliedAt: null,
      notes: [...notesFor(name), ...triesOf(name), ...(downPath === undefined ? ["has no down file"] : [])],
    })),
  ];
  const sorted = rows.toSorted((a, b) => Number(BigInt(a.version || 0) - BigInt(b.version || 0)));
  const newest = sorted.findLast(
    ({ state }) => state === "applied" || state === "ahead" || state === "missing",
  );
  return {
    migrations: sorted,
    current: newest?.name ?? null,
    pending: [
      // Applied by its name, and half reverted.
      ...(history.halfRedone === undefined ? [] : [history.halfRedone.name]),
      ...history.pending.filter((file) => !file.deferred).map(({ name }) => name),
    ],
    deferred,
    ahead: history.ahead.map(({ name }) => name),
    breaking: history.breaking.map(({ name }) => name),
    conflicts: history.conflicts,
    unfinished: history.unfinished.map(
      ({ name, direction, state, statementsDone, statementsTotal, startedAt, host }) => ({
        name,
        direction,
        state: state === "running" && name !== running ? ("interrupted" as const) : state,
        statementsDone,
        statementsTotal,
        startedAt: startedAt.toISOString(),
        host,
      }),
    ),
    invalidIndexes,
  };
}

const unknownRun: AppliedRun = { appliedAt: null, ranMs: null, role: null, host: null, operator: null };

function digits({ name }: AppliedMigration): string {
  return /^\d+/.exec(name)?.[0] ?? "";
}
