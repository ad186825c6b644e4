import { nameBlockers, shortNameOf } from "../../app/migrate/blockers.ts";
import type { Blocker, Listener, MigrationEvent } from "../../app/migrate/events.ts";
import { nameHolder } from "../../app/migration-log.ts";
import { describeActivity } from "../../app/migrate/heartbeat.ts";
import { printable, printableLine } from "../../app/printable.ts";
import type { Paint } from "./paint.ts";
import type { Screen } from "./screen.ts";
import { grouped, seconds } from "./words.ts";

/** What a person at a terminal sees of a run. */
export interface Progress {
  readonly listener: Listener;
  /** Takes the live line away, because something else is going to be shown. The next event brings it back. */
  settle(): void;
}

/** The live line is written at most so often, in milliseconds; its clock goes on by itself. */
const shortest = 100;
const tick = 250;

/**
 * A line that stays for each migration with its time, and for what went wrong; a live line for what is going on. `now`
 * is in milliseconds.
 */
export function createProgress(screen: Screen, paint: Paint, now: () => number = Date.now): Progress {
  /** What is going on, said anew whenever the line is written. */
  let live: (() => string) | undefined;
  let drawn = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let started = 0;
  let place = "";
  let detail: (() => string) | undefined;
  /** What it does beside that, until there is news. */
  let work = "";

  const draw = (): void => {
    if (live === undefined) return;
    drawn = now();
    screen.show(live());
  };
  const show = (line: () => string): void => {
    live = line;
    if (now() - drawn >= shortest) draw();
    timer ??= setInterval(draw, tick).unref();
  };
  const settle = (): void => {
    clearInterval(timer);
    [live, timer, drawn] = [undefined, undefined, Number.NEGATIVE_INFINITY];
    screen.show(undefined);
  };
  const keep = (line: string): void => screen.write(`${line}\n`);
  const showMigration = (): void =>
    show(
      () =>
        `${place}  ${seconds(now() - started)}${detail === undefined ? "" : `  ${detail()}`}${work === "" ? "" : `  ${work}`}`,
    );
  const tell = (next: () => string): void => {
    [detail, work] = [next, ""];
    showMigration();
  };

  const listener = (event: MigrationEvent): void => {
    switch (event.type) {
      case "waiting-for-database": {
        const began = now() - event.elapsed;
        return show(
          () =>
            `waiting for PostgreSQL at ${event.place}  ${clock(now() - began)} of ${clock(event.timeout)}  ${printableLine(event.reason)}`,
        );
      }
      case "waiting-for-lock": {
        const began = now() - event.waited;
        const holder = printableLine(nameHolder(event.holder));
        return show(() => `waiting for the migration lock  ${clock(now() - began)}  held by ${holder}`);
      }
      case "waiting-for-ledger": {
        const began = now() - event.waited;
        const holder = printableLine(nameBlockers(event.blockers) || "another session");
        return show(() => `waiting for the ledger  ${clock(now() - began)}  locked by ${holder}`);
      }
      case "started":
        started = now();
        place = `[${event.index}/${event.total}] ${event.direction === "up" ? "applying" : "reverting"} ${printableLine(event.name)}`;
        [detail, work] = [undefined, ""];
        return showMigration();
      case "finished":
        settle();
        return keep(
          `${event.direction === "up" ? paint.good("applied ") : paint.warning("reverted")}  ${printableLine(event.name)}  ${paint.faint(seconds(event.ranMs))}`,
        );
      case "verified": {
        const verdict = (event.isFinding ? paint.warning : paint.good)(
          event.verdict.padEnd("irreversible".length),
        );
        settle();
        return keep(`${verdict}  ${printableLine(event.name)}  ${paint.faint(seconds(event.ranMs))}`);
      }
      case "failed":
        settle();
        return keep(`${paint.bad("failed  ")}  ${printable(event.message)}`);
      case "statement":
        return tell(() => `statement ${event.done} of ${event.total} done`);
      case "batch": {
        const perSecond = event.rows / Math.max(0.001, (now() - started) / 1000);
        const batches = `${grouped(event.batches)} ${event.batches === 1 ? "batch" : "batches"}`;
        return tell(() => `${grouped(event.rows)} rows in ${batches} (${grouped(perSecond)}/s)`);
      }
      case "index-progress":
        return tell(
          // The number first: what does not fit is cut off.
          () =>
            `${event.percent === undefined ? "" : `${event.percent} %  `}${shortNames(event.blockers)}${printableLine(event.phase)}`,
        );
      case "working":
        // The line's clock goes on by itself, and how far it has come is there already.
        work = printableLine(describeActivity(event));
        return showMigration();
      case "retry":
        keep(
          warning(
            event.name,
            `${event.reason}; attempt ${event.attempt + 1} of ${event.retries + 1} in ${seconds(event.delay)}`,
          ),
        );
        return tell(() => `attempt ${event.attempt + 1} of ${event.retries + 1}`);
      case "blocked":
        keep(
          warning(
            event.name,
            `waits for ${nameBlockers(event.blockers)}${event.phase === undefined ? "" : ` (${event.phase})`}`,
          ),
        );
        return tell(() => `waits for ${printableLine(event.blockers.map(shortNameOf).join(", "))}`);
      case "notice":
        if (event.severity === "WARNING") return keep(warning(event.name, event.text));
        return keep(
          `${paint.faint(event.severity.toLowerCase().padEnd(8))}  ${printableLine(`${event.name}: ${event.text}`)}`,
        );
      case "warning":
        return keep(warning(event.name, event.text));
    }
  };

  /** Some warnings begin with the name themselves. */
  function warning(name: string, text: string): string {
    return `${paint.warning("warning ")}  ${printableLine(text.startsWith(name) ? text : `${name}: ${text}`)}`;
  }
  return { listener, settle };
}

/** Whole seconds: a clock that goes on every quarter of one must not flicker. */
function clock(milliseconds: number): string {
  return milliseconds < 1000 ? "0 s" : seconds(Math.floor(milliseconds / 1000) * 1000).replace(".0", "");
}

/** `waits for pid 812: `, or nothing. */
function shortNames(blockers: readonly Blocker[] = []): string {
  return blockers.length === 0 ? "" : `waits for ${printableLine(blockers.map(shortNameOf).join(", "))}: `;
}
