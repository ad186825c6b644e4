import { migrateUp } from "../../../app/migrate/up.ts";
import { migrationCount, versionNumber } from "../arguments.ts";
import type { Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { plannedNames, reportUp, upExitCode } from "../report-up.ts";
import { spareMemory } from "../spare-memory.ts";

export const up: Command = {
  name: "up",
  aliases: ["upgrade"],
  summary: "apply pending migrations",
  description:
    "Reads the folder and the ledger, shows what is pending and asks on a terminal; then takes the migration lock, looks again, and runs each migration in a transaction of its own together with its record. Any number of runners may start at once: one migrates, the others wait and find nothing left to do. With nothing pending it takes no lock and writes nothing.\n\nThe first migration that fails is rolled back and ends the run; what was applied before it stays. Deferred migrations are left out: see `migrate deferred`.",
  arguments: "[N]",
  flags: {
    n: { short: "n", value: "N", description: "at most N migrations", aliases: ["num-steps", "steps"] },
    to: { value: "VERSION", description: "none above this version" },
    "dry-run": { description: "say what would run, and stop" },
    "allow-out-of-order": { description: "also run migrations with a lower number than an applied one" },
  },
  exitCodes: [[3, "you declined"], 4, 5, 6, 7, 8, 9],
  example: "migrate up --yes",
  examples: ["migrate up -n 2", "migrate up --to 000012 --dry-run"],
  async run(context) {
    const { flags } = context;
    // Alembic's `upgrade head` is what happens anyway.
    const positionals = context.positionals.filter((word) => word !== "head");
    const limit = migrationCount(up, { positionals, flags });
    const to = typeof flags["to"] === "string" ? versionNumber(up, "--to", flags["to"]) : undefined;
    const result = await migrateUp(context.config(), {
      limit,
      to,
      dryRun: flags["dry-run"] === true,
      allowOutOfOrder: flags["allow-out-of-order"] === true,
      signal: context.signal,
      listener: context.listener,
      confirm: async (plan) => {
        await spareMemory(plan);
        return await confirm(
          context,
          ["Pending migrations:", ...plannedNames(plan).map((name) => `  ${name}`)],
          "Apply them?",
        );
      },
    });
    reportUp(context, result);
    return upExitCode(result);
  },
};
