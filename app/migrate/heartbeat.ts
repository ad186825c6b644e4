import { nameBlockers } from "./blockers.ts";
import type { Listener, MigrationEvent, Working } from "./events.ts";

export interface Heartbeat {
  begin(name: string, statements: { readonly done: number; readonly total: number } | undefined): void;
  /** Something was said, and with an event, what. */
  hears(event?: MigrationEvent): void;
  /** What the migration was last seen to do. */
  sees(sight: Sight): void;
  end(): void;
}

type Sight = Pick<Working, "state" | "waitEvent" | "blockers" | "phase">;

const unseen: Sight = { state: null, waitEvent: null, blockers: [] };

/** A sight says nothing about now when the looks have stopped, because they fail or get no answer. */
const freshFor = 5000;

/** These come often, and the log keeps them for those who debug. */
const quiet: ReadonlySet<MigrationEvent["type"]> = new Set(["batch", "index-progress"]);

/** Says `working` whenever nothing was said about the migration for `silence` milliseconds. */
export function createHeartbeat(listener: Listener, silence: number): Heartbeat {
  let name: string | undefined;
  let started = 0;
  let sight: Sight = unseen;
  let seenAt = 0;
  let progress: Pick<Working, "statement" | "batches"> = {};
  let timer: NodeJS.Timeout | undefined;

  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(beat, silence).unref();
  };
  function beat(): void {
    if (name === undefined) return;
    const now = Date.now();
    const seen = now - seenAt <= freshFor ? sight : unseen;
    listener({ type: "working", name, elapsed: now - started, ...seen, ...progress });
    wait();
  }
  const end = (): void => {
    name = undefined;
    clearTimeout(timer);
  };
  /** The one that runs now is the one behind those that are done. */
  const at = (done: number, total: number): void => {
    progress = done < total ? { statement: { number: done + 1, total } } : {};
  };

  return {
    begin(next, statements) {
      [name, started, sight, progress] = [next, Date.now(), unseen, {}];
      if (statements !== undefined) at(statements.done, statements.total);
      wait();
    },
    hears(event) {
      if (name === undefined) return;
      if (event?.type === "finished" || event?.type === "failed") return end();
      if (event?.type === "statement") at(event.done, event.total);
      if (event?.type === "batch") progress = { batches: { number: event.batches, rows: event.rows } };
      if (event === undefined || !quiet.has(event.type)) wait();
    },
    sees(next) {
      [sight, seenAt] = [next, Date.now()];
    },
    end,
  };
}

/** `statement 2 of 5, waits for pid 812 (idle in transaction, for 12 s: SELECT …)`; nothing of the migration's text. */
export function describeWork(work: Working): string {
  const { statement, batches } = work;
  const progress = [
    ...(statement === undefined ? [] : [`statement ${statement.number} of ${statement.total}`]),
    ...(batches === undefined ? [] : [`${batches.rows} rows in ${batches.number} batches`]),
  ];
  return [...progress, describeActivity(work)].filter((part) => part !== "").join(", ");
}

/** The same without how far it has come. */
export function describeActivity({ blockers, phase, ...work }: Working): string {
  const doing = blockers.length > 0 ? `waits for ${nameBlockers(blockers)}` : activityOf(work);
  return [doing, phase ?? ""].filter((part) => part !== "").join(", ");
}

function activityOf({ state, waitEvent }: Pick<Working, "state" | "waitEvent">): string {
  if (state === null) return "";
  if (state.startsWith("idle")) return "the server waits for its next statement";
  return waitEvent === null ? "the server works" : `the server is at ${waitEvent}`;
}
