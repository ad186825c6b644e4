import { migrateRedo, type RedoResult } from "../../../app/migrate/redo.ts";
import { describeError, exitCodeOf } from "../../../app/exit-code.ts";
import type { Command, CommandContext } from "../command.ts";
import { confirm } from "../confirm.ts";
import { describeLosses } from "../describe-loss.ts";
import { seconds } from "../words.ts";

export const redo: Command = {
  name: "redo",
  summary: "revert the newest migration and apply it again, under one lock",
  description:
    "For the migration that is being written: its down and its up run one after the other under one lock, so that no other runner sees the schema in between as a place to start from. Both files are read and checked before anything is reverted. A redo that was interrupted is finished by the next `migrate redo` or `migrate up`; no other migration is reverted for it.",
  exitCodes: [[3, "you declined"], 4, 5, 6, [7, "it has no way down, or files and history disagree"], 8],
  example: "migrate redo --yes",
  async run(context) {
    const result = await migrateRedo(context.config(), {
      signal: context.signal,
      listener: context.listener,
      confirm: async ({ name, dataLoss }) =>
        await confirm(
          context,
          [
            `${name} will be reverted and applied again.`,
            ...describeLosses(dataLoss, name).map((sentence) => `  ! ${sentence}`),
          ],
          "Redo it?",
        ),
    });
    report(context, result);
    if (result.failed !== undefined) return exitCodeOf(result.failed.error);
    return result.outcome === "declined" ? 3 : 0;
  },
};

function report(context: CommandContext, { outcome, name, dataLoss, done, failed }: RedoResult): void {
  context.answer({
    outcome,
    name: name ?? null,
    done,
    dataLoss,
    failed: failed === undefined ? null : { name: failed.name, error: describeError(failed.error) },
  });
  for (const { direction, ranMs } of done)
    context.list(`${direction === "up" ? "applied" : "reverted"} ${name} (${seconds(ranMs)})`);
  switch (outcome) {
    case "nothing-to-do":
      return context.say("No migration is applied that could be redone.");
    case "declined":
      return context.say("Nothing was touched.");
    case "redone":
      return context.say(`${name} was reverted and applied again.`);
    case "failed":
      return context.say(
        failed?.error.details["direction"] !== "up" && done.length === 0
          ? `${name} could not be reverted; it is still applied.`
          : `${name} was reverted, and could not be applied again; it is pending.`,
      );
  }
}
