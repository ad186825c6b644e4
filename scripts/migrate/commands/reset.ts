import { describeError, exitCodeOf } from "../../../app/exit-code.ts";
import type { ResetPlan, ResetResult } from "../../../app/migrate/reset/reset.ts";
import { usage } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { confirm } from "../confirm.ts";
import { countOf, deferredSentence, grouped, seconds } from "../words.ts";

export const reset: Command = {
  name: "reset",
  summary: "drop everything in the database and apply all migrations anew; never where APP_ENV is production",
  description:
    "For development and tests: drops every table, type, function and schema of the database with all data in one transaction, the ledger among it, and then applies all migrations from the first on, under one lock. The files are read and checked before anything is dropped. Roles, settings of the database and extensions of another role stay; what belongs to a role that ours may not act as is an error, and nothing is dropped. `--confirm` is always required, `--yes` where there is no terminal.",
  flags: { confirm: { description: "required: all data is lost" } },
  exitCodes: [[3, "you declined"], 4, 5, [6, "a migration failed; everything else was dropped before"], 7, 8],
  example: "migrate reset --confirm",
  examples: ["migrate reset --confirm --yes"],
  async run(context) {
    const config = context.config();
    if (context.flags["confirm"] !== true && config.environment !== "production")
      throw usage(
        reset,
        "All data in the database would be lost: say --confirm if that is meant. Nothing was touched.",
      );
    const { migrateReset } = await import("../../../app/migrate/reset/reset.ts");
    const result = await migrateReset(config, {
      signal: context.signal,
      listener: context.listener,
      confirm: async (plan) => await confirm(context, describe(plan), "Drop all of it?"),
    });
    report(context, result);
    if (result.failed !== undefined) return exitCodeOf(result.failed.error);
    return result.outcome === "declined" ? 3 : 0;
  },
};

function describe({ database, host, port, tables, estimatedRows, contents, up }: ResetPlan): string[] {
  return [
    `Everything in database "${database}" at ${host}:${port} will be dropped: ${countOf(tables, "table")} with ≈ ${grouped(estimatedRows)} row${Math.round(estimatedRows) === 1 ? "" : "s"}, ${countOf(contents.length, "object")} in all.`,
    `Then ${countOf(up.steps.length, "migration")} will be applied.`,
  ];
}

function report(context: CommandContext, { outcome, plan, done, failed, notTried }: ResetResult): void {
  const { up, ...lost } = plan;
  context.answer({
    outcome,
    dropped: outcome === "declined" ? null : lost,
    applied: done,
    failed: failed === undefined ? null : { name: failed.name, error: describeError(failed.error) },
    pending: failed === undefined ? [] : [failed.name, ...notTried],
    deferred: up.deferred.map(({ name }) => name),
  });
  if (outcome === "declined") return context.say("Nothing was touched.");
  for (const { name, ranMs } of done) context.list(`applied ${name} (${seconds(ranMs)})`);
  const dropped = `${countOf(plan.contents.length, "object")} dropped, ${countOf(done.length, "migration")} applied`;
  context.say(
    failed === undefined
      ? `${dropped}; the schema is at ${done.at(-1)?.name ?? "its beginning"}.`
      : `${dropped}, ${failed.name} failed; what is pending can be applied with \`migrate up\`.`,
  );
  if (up.deferred.length > 0) context.say(deferredSentence(up.deferred.length));
}
