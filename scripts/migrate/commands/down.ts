import { migrateDown, type DownPlan, type DownResult } from "../../../app/migrate/down.ts";
import { describeError, exitCodeOf } from "../../../app/exit-code.ts";
import { migrationCount, usage, versionNumber } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { confirm } from "../confirm.ts";
import { describeLosses } from "../describe-loss.ts";
import { countOf, seconds } from "../words.ts";

export const down: Command = {
  name: "down",
  aliases: ["downgrade"],
  summary: "revert applied migrations, newest first",
  description:
    "How far is always said: `-n N`, `--to VERSION`, or a number alone. Before it asks, it lists each migration with the data that its down takes away (tables and columns dropped, tables emptied, each with an estimate of its rows), as far as the text tells. A migration that this image has no file of is reverted with the text that the ledger kept. When one of them has no way down, none is reverted.",
  arguments: "[N]",
  flags: {
    n: {
      short: "n",
      value: "N",
      description: "revert the newest N; 0 reverts all",
      aliases: ["num-steps", "steps"],
    },
    to: { value: "VERSION", description: "revert everything above this version; 0 reverts all" },
  },
  exitCodes: [
    [3, "you declined"],
    4,
    5,
    6,
    [7, "one of them has no way down, or files and history disagree"],
    8,
  ],
  example: "migrate down -n 1",
  examples: ["migrate down --to 000003", "migrate downgrade --num-steps 1 --yes"],
  async run(context) {
    const { flags, positionals } = context;
    if (positionals[0] === "base" || positionals[0] === "all")
      throw usage(down, `To revert all, type \`migrate down -n 0\`.`);
    const count = migrationCount(down, context);
    const to = typeof flags["to"] === "string" ? versionNumber(down, "--to", flags["to"]) : undefined;
    if ((count === undefined) === (to === undefined))
      throw usage(down, "Say how far: either -n N (0 for all) or --to VERSION.");
    const result = await migrateDown(context.config(), {
      count,
      to,
      signal: context.signal,
      listener: context.listener,
      confirm: async (plan) => await confirm(context, describe(plan), "Revert them?"),
    });
    report(context, result);
    return result.failed === undefined
      ? result.outcome === "declined"
        ? 3
        : 0
      : exitCodeOf(result.failed.error);
  },
};

function describe({ steps, dataLoss }: DownPlan): string[] {
  return [
    "These migrations will be reverted, in this order:",
    ...steps.flatMap(({ migration: { file } }) => [
      `  ${file.name}`,
      ...describeLosses(dataLoss, file.name).map((sentence) => `    ! ${sentence}`),
    ]),
  ];
}

function report(context: CommandContext, { outcome, plan, done, failed, notTried }: DownResult): void {
  context.answer({
    outcome,
    reverted: done,
    dataLoss: plan.dataLoss,
    failed: failed === undefined ? null : { name: failed.name, error: describeError(failed.error) },
    notTried: outcome === "declined" ? plan.steps.map(({ migration }) => migration.file.name) : notTried,
  });
  for (const { name, ranMs } of done) context.list(`reverted ${name} (${seconds(ranMs)})`);
  if (outcome === "nothing-to-do") context.say("Nothing is applied that could be reverted.");
  if (outcome === "declined") context.say("Nothing was touched.");
  if (outcome === "reverted") context.say(`${countOf(done.length, "migration")} reverted.`);
  if (failed === undefined) return;
  context.say(
    `${countOf(done.length, "migration")} reverted, ${failed.name} failed${notTried.length === 0 ? "" : `, ${notTried.length} not tried`}.`,
  );
}
