import { migrateUp, type UpPlan, type UpResult } from "../../../app/migrate/up.ts";
import { describeError, exitCodeOf } from "../../exit-code.ts";
import { versionNumber, wholeNumber } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { confirm } from "../confirm.ts";
import { countOf, seconds } from "../words.ts";

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
      confirm: async (plan) => await confirm(context, ["Pending migrations:", ...names(plan).map((name) => `  ${name}`)], "Apply them?"),
    });
    report(context, result);
    return result.failed === undefined ? (result.outcome === "declined" ? 3 : 0) : exitCodeOf(result.failed.error);
  },
};

function names({ steps }: UpPlan): string[] {
  return steps.map(({ migration }) => migration.file.name);
}

function report(context: CommandContext, result: UpResult): void {
  const { outcome, plan, done, failed, notTried } = result;
  const current = done.at(-1)?.name ?? plan.history.ahead.at(-1)?.name ?? plan.history.applied.at(-1)?.file.name ?? null;
  context.answer({
    outcome,
    applied: done,
    failed: failed === undefined ? null : { name: failed.name, error: describeError(failed.error) },
    pending: outcome === "planned" || outcome === "declined" ? names(plan) : [...(failed === undefined ? [] : [failed.name]), ...notTried],
    deferred: plan.deferred.map(({ name }) => name),
    ahead: plan.history.ahead.map(({ name }) => name),
    current,
  });
  for (const { name, ranMs } of done) context.say(`applied ${name} (${seconds(ranMs)})`);
  const left = plan.deferred.length === 0 ? "" : ` ${countOf(plan.deferred.length, "deferred migration")} wait for the service to run: \`migrate deferred\`.`;
  const ahead = plan.history.ahead.length === 0 ? "" : ` The database is ${countOf(plan.history.ahead.length, "migration")} ahead of this image.`;
  switch (outcome) {
    case "up-to-date":
      return context.say(`Nothing is pending; the schema is at ${current ?? "its beginning"}.${ahead}${left}`);
    case "planned":
      for (const name of names(plan)) context.say(`would apply ${name}`);
      return context.say(`${countOf(plan.steps.length, "migration")} pending; nothing was touched.`);
    case "declined":
      return context.say("Nothing was touched.");
    case "applied":
      return context.say(`${countOf(done.length, "migration")} applied in ${seconds(done.reduce((sum, { ranMs }) => sum + ranMs, 0))}; the schema is at ${current}.${left}`);
    case "failed":
      context.stderr.write(`${failed!.error.message}\n`);
      return context.say(`${countOf(done.length, "migration")} applied, ${failed!.name} failed${notTried.length === 0 ? "" : `, ${notTried.length} not tried`}; the schema is at ${current ?? "its beginning"}.`);
  }
}
