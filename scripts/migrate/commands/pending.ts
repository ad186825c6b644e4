import { readStatus } from "../../../app/migrate/status.ts";
import type { Command } from "../command.ts";

export const pending: Command = {
  name: "pending",
  summary: "list what `migrate up` would apply; exit 3 when there is something",
  description:
    "One name a line, in the order in which they would run. Only reads. Deferred migrations are not among them; `--json` lists them beside.",
  exitCodes: [[3, "something is pending"], 4, 7, 8],
  example: "migrate pending --json",
  async run(context) {
    const report = await readStatus(context.config(), context);
    context.answer({ pending: report.pending, deferred: report.deferred });
    for (const name of report.pending) context.say(name);
    if (report.pending.length === 0) context.say("Nothing is pending.");
    return report.pending.length === 0 ? 0 : 3;
  },
};
