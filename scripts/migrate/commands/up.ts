import { migrateUp } from "../../../app/migrate/up.ts";
import { versionNumber, wholeNumber } from "../arguments.ts";
import type { Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { plannedNames, reportUp, upExitCode } from "../report-up.ts";

export const up: Command = {
  name: "up",
  aliases: ["upgrade"],
  summary: "apply pending migrations",
  flags: {
    n: { short: "n", value: "N", description: "at most N migrations", aliases: ["num-steps", "steps"] },
    to: { value: "VERSION", description: "none above this version" },
    "dry-run": { description: "say what would run, and stop" },
    "allow-out-of-order": { description: "also run migrations with a lower number than an applied one" },
  },
  example: "migrate up --yes",
  async run(context) {
    const { flags } = context;
    const limit = typeof flags["n"] === "string" ? wholeNumber(up, "-n", flags["n"]) : undefined;
    const to = typeof flags["to"] === "string" ? versionNumber(up, "--to", flags["to"]) : undefined;
    const result = await migrateUp(context.config(), {
      limit,
      to,
      dryRun: flags["dry-run"] === true,
      allowOutOfOrder: flags["allow-out-of-order"] === true,
      signal: context.signal,
      listener: context.listener,
      confirm: async (plan) =>
        await confirm(
          context,
          ["Pending migrations:", ...plannedNames(plan).map((name) => `  ${name}`)],
          "Apply them?",
        ),
    });
    reportUp(context, result);
    return upExitCode(result);
  },
};
