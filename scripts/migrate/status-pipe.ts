import { writeSync } from "node:fs";
import type { Listener, MigrationEvent } from "../../app/migrate/events.ts";

/** Progress of one migration is told at most this often, in milliseconds. */
const interval = 250;

/**
 * A listener that writes what the engine does as JSON lines to a file descriptor, for the listener that answers probes
 * (scripts/gate.ts reads them). Nobody reading there is no reason to stop a migration.
 */
export function createStatusPipe(descriptor: number): Listener {
  let current: Record<string, unknown> = {};
  let told = 0;
  let isBroken = false;
  const tell = (status: Record<string, unknown>): void => {
    current = status;
    told = Date.now();
    if (isBroken) return;
    try {
      writeSync(descriptor, `${JSON.stringify(status)}\n`);
    } catch {
      isBroken = true;
    }
  };
  return (event) => {
    if (event.type === "waiting-for-database") {
      if (current["status"] !== event.type) tell({ status: event.type });
    } else if (event.type === "waiting-for-lock") {
      tell({ status: event.type, holder: event.holder?.applicationName });
    } else if (event.type === "started") {
      tell({ status: "migrating", migration: event.name, index: event.index, total: event.total });
    } else {
      const progress = progressOf(event);
      if (progress !== undefined && Date.now() - told >= interval) tell({ ...current, progress });
    }
  };
}

function progressOf(event: MigrationEvent): Record<string, unknown> | undefined {
  switch (event.type) {
    case "statement":
      return { statementsDone: event.done, statementsTotal: event.total };
    case "batch":
      return { batches: event.batches, rows: event.rows };
    case "index-progress":
      return { phase: event.phase, percent: event.percent };
    case "blocked":
      return { blockedBy: event.blockers.map(({ pid }) => pid) };
    case "retry":
      return { attempt: event.attempt, reason: event.reason };
    default:
      return undefined;
  }
}
