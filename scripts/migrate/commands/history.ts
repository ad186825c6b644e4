import { readRunHistory, type RecordedRun } from "../../../app/migrate/run-history.ts";
import { wholeNumber } from "../arguments.ts";
import type { Command } from "../command.ts";
import { table, type TableRow } from "../table.ts";
import { moment, seconds, whoRan } from "../words.ts";

export const history: Command = {
  name: "history",
  summary: "show what was ever run on this database, newest first",
  description:
    "Every run that the ledger holds, also failed and reverted ones: when, in which direction, how it ended, how long it took, by whom, as which role and on which host, with which version of Headgate. Only reads.",
  flags: {
    n: { short: "n", value: "N", description: "the newest N" },
    texts: { description: "with --json: also the SQL that ran, and the way down that was kept" },
  },
  exitCodes: [4, 8],
  example: "migrate history -n 20",
  async run(context) {
    const { n } = context.flags;
    const limit = typeof n === "string" ? wholeNumber(history, "-n", n) : undefined;
    const runs = await readRunHistory(context.config(), {
      limit,
      texts: context.flags["texts"] === true,
      signal: context.signal,
      listener: context.listener,
    });
    context.answer({ runs });
    if (runs.length === 0) context.say("Nothing was ever run here.");
    else for (const line of await table(heads, runs.map(row))) context.say(line);
    return 0;
  },
};

const heads = ["STARTED AT", "DIRECTION", "NAME", "STATE", "TOOK", "BY", "HEADGATE"];

function row(run: RecordedRun): TableRow {
  const { startedAt, direction, name, ranMs, headgateVersion, error } = run;
  return {
    cells: [
      moment(startedAt),
      direction,
      name,
      outcomeOf(run),
      ranMs === null ? "" : seconds(ranMs),
      whoRan(run),
      headgateVersion,
    ],
    notes:
      error === null ? [] : [`${error.sqlstate === undefined ? "" : `${error.sqlstate}: `}${error.message}`],
  };
}

/** A baseline or a repair ran nothing; its state says how the migration stands since then. A reset is none of a migration. */
function outcomeOf({ direction, state, name, statementsDone, statementsTotal }: RecordedRun): string {
  if (direction === "repair" && name.startsWith("index ")) return "dropped";
  if (direction === "baseline" || direction === "repair")
    return state === "applied" ? "counts as applied" : "counts as not applied";
  if (direction === "reset") return "everything dropped";
  const progress =
    state !== "applied" && state !== "reverted" && statementsTotal !== null
      ? ` (statement ${statementsDone} of ${statementsTotal})`
      : "";
  return `${state}${progress}`;
}
