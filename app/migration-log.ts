import type { Logger } from "./log.ts";
import { nameBlockers } from "./migrate/blockers.ts";
import type { Listener } from "./migrate/events.ts";
import { describeWork } from "./migrate/heartbeat.ts";
import type { LockHolder } from "./migrate/lock.ts";

/** A listener that writes what the engine does to the log, one line each, with the facts as fields. */
export function createEventLog(log: Logger): Listener {
  let lastWait = Number.NEGATIVE_INFINITY;
  return (event) => {
    switch (event.type) {
      case "waiting-for-database": {
        // Every try is told; a person wants to hear of it now and then.
        if (event.elapsed - lastWait < 5000) return;
        lastWait = event.elapsed;
        const { reason, elapsed, timeout } = event;
        log.info(
          { elapsedMs: elapsed },
          `waiting for PostgreSQL at ${event.place} (${Math.round(elapsed / 1000)} s of ${timeout / 1000} s): ${reason}`,
        );
        return;
      }
      case "waiting-for-lock":
        log.info(
          { waitedMs: event.waited, holder: event.holder },
          `waiting for the migration lock, held by ${nameHolder(event.holder)}`,
        );
        return;
      case "waiting-for-ledger":
        log.warn(
          { waitedMs: event.waited, blockers: event.blockers.map(({ pid }) => pid) },
          `waiting for the ledger, locked by ${nameBlockers(event.blockers) || "another session"}`,
        );
        return;
      case "started":
        log.info(
          { migration: event.name },
          `${event.direction === "up" ? "applying" : "reverting"} ${event.name} (${event.index} of ${event.total})`,
        );
        return;
      case "finished":
        log.info(
          { migration: event.name, ranMs: event.ranMs },
          `${event.direction === "up" ? "applied" : "reverted"} ${event.name} in ${event.ranMs} ms`,
        );
        return;
      case "verified": {
        const { name, verdict, index, total, ranMs } = event;
        const text = `${name} (${index} of ${total}): ${verdict}, in ${ranMs} ms`;
        if (event.isFinding) log.warn({ migration: name, verdict }, text);
        else log.info({ migration: name, verdict }, text);
        return;
      }
      case "failed":
        log.error({ migration: event.name }, event.message);
        return;
      case "statement":
        log.info({ migration: event.name }, `${event.name}: statement ${event.done} of ${event.total} done`);
        return;
      case "batch":
        log.debug(
          { migration: event.name, batches: event.batches, rows: event.rows },
          `${event.name}: ${event.rows} rows in ${event.batches} batches`,
        );
        return;
      case "retry":
        log.warn(
          { migration: event.name, attempt: event.attempt },
          `${event.name}: ${event.reason}; attempt ${event.attempt + 1} of ${event.retries + 1} in ${Math.round(event.delay)} ms`,
        );
        return;
      case "blocked":
        log.warn(
          { migration: event.name, blockers: event.blockers },
          `${event.name} waits for ${nameBlockers(event.blockers)}${event.phase === undefined ? "" : ` (${event.phase})`}`,
        );
        return;
      case "working": {
        const { name, elapsed, state, waitEvent, statement } = event;
        const work = describeWork(event);
        log.info(
          { migration: name, elapsedMs: elapsed, state, waitEvent, statement: statement?.number },
          `${name} has been running for ${Math.round(elapsed / 1000)} s${work === "" ? "" : `: ${work}`}`,
        );
        return;
      }
      case "index-progress":
        log.debug({ migration: event.name, percent: event.percent }, `${event.name}: ${event.phase}`);
        return;
      case "notice":
        if (event.severity === "WARNING")
          log.warn({ migration: event.name }, `${event.name}: WARNING: ${event.text}`);
        else log.info({ migration: event.name }, `${event.name}: ${event.severity}: ${event.text}`);
        return;
      case "warning":
        log.warn({ migration: event.name }, event.text);
        return;
    }
  };
}

/** `headgate migrate up … (backend pid 12, since …)`, for messages. */
export function nameHolder(holder: LockHolder | undefined): string {
  if (holder === undefined) return "somebody who has just gone";
  return `${holder.applicationName} (backend pid ${holder.pid}${holder.since === null ? "" : `, since ${holder.since.toISOString()}`})`;
}
