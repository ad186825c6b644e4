import { repair as repairLedger } from "../../../app/migrate/repair.ts";
import { usage } from "../arguments.ts";
import type { Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { countOf } from "../words.ts";

export const repair: Command = {
  name: "repair",
  summary:
    "make the ledger agree with the files after an intended change, and drop indexes that interrupted builds left invalid",
  arguments: "[VERSION or INDEX]",
  flags: {
    as: {
      value: "STATE",
      description: "settle an interrupted migration outside a transaction as `applied` or `pending`",
    },
  },
  example: "migrate repair 000004",
  async run(context) {
    const settleAs = context.flags["as"];
    if (settleAs !== undefined && settleAs !== "applied" && settleAs !== "pending")
      throw usage(repair, "--as must be applied or pending.");
    const { outcome, actions } = await repairLedger(context.config(), {
      only: context.positionals[0],
      settleAs,
      signal: context.signal,
      listener: context.listener,
      confirm: async (plan) =>
        await confirm(
          context,
          ["This will be done:", ...plan.map(({ sentence }) => `  ${sentence}`)],
          "Go on?",
        ),
    });
    context.answer({
      outcome,
      actions: actions.map(({ kind, name, sentence }) => ({ kind, name, sentence })),
    });
    for (const { sentence } of outcome === "repaired" ? actions : []) context.say(sentence);
    if (outcome === "nothing-to-do") context.say("Nothing needs repair.");
    if (outcome === "declined") context.say("Nothing was touched.");
    if (outcome === "repaired") context.say(`${countOf(actions.length, "change")} made.`);
    return outcome === "declined" ? 3 : 0;
  },
};
