import { migrateUp } from "../../../app/migrate/up.ts";
import type { Command } from "../command.ts";
import { reportUp, upExitCode } from "../report-up.ts";
import { confirm } from "../confirm.ts";

export const deferred: Command = {
  name: "deferred",
  summary: "apply the migrations that wait until the service runs",
  flags: { "dry-run": { description: "say what would run, and stop" } },
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
