import { migrateUp } from "../../../app/migrate/up.ts";
import type { Command } from "../command.ts";
import { reportUp, upExitCode } from "../report-up.ts";
import { confirm } from "../confirm.ts";

export const deferred: Command = {
  name: "deferred",
  summary: "apply the migrations that wait until the service runs",
  description:
    "Applies the migrations that are marked `-- migrate: deferred` and that `up` leaves out, such as long backfills. The service does the same by itself once it is ready, in one elected replica; this command is for doing it at another time.",
  flags: { "dry-run": { description: "say what would run, and stop" } },
  exitCodes: [[3, "you declined"], 4, 5, 6, 7, 8, 9],
  example: "migrate deferred --yes",
  async run(context) {
    const result = await migrateUp(context.config(), {
      deferred: "only",
      dryRun: context.flags["dry-run"] === true,
      signal: context.signal,
      listener: context.listener,
      confirm: async ({ steps }) =>
        await confirm(
          context,
          ["Deferred migrations:", ...steps.map(({ migration }) => `  ${migration.file.name}`)],
          "Apply them?",
        ),
    });
    reportUp(context, result, "No deferred migration is pending");
    return upExitCode(result);
  },
};
