import { readStatus } from "../../../app/migrate/status.ts";
import type { Command } from "../command.ts";

export const current: Command = {
  name: "current",
  summary: "show the newest applied migration",
  description: "The migration with the highest version among those applied. Only reads.",
  exitCodes: [4, 7, 8],
  example: "migrate current",
  async run(context) {
    const report = await readStatus(context.config(), context);
    context.answer({ current: report.current });
    context.say(report.current ?? "No migration is applied.");
    return 0;
  },
};
