import { repair as repairLedger } from "../../../app/migrate/repair.ts";
import type { Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { countOf } from "../words.ts";

const states = ["applied", "pending"] as const;

export const repair: Command = {
  name: "repair",
  summary:
    "make the ledger agree with the files after an intended change, and drop indexes that interrupted builds left invalid",
  description:
    "After an intended change the ledger is made to agree with the files: checksums of edited files are stamped anew, renamed and removed ones followed, and an interrupted run outside a transaction is settled with `--as`. Indexes that interrupted or failed builds left INVALID are dropped, unless somebody is building them. Every change is shown first, and asked for. Nothing else of the schema is touched.",
  arguments: "[VERSION or INDEX]",
  flags: {
    as: {
      value: "STATE",
      choices: states,
      description: "settle an interrupted migration outside a transaction as `applied` or `pending`",
    },
  },
  exitCodes: [[3, "you declined"], 4, 5, 7, 8],
  example: "migrate repair 000004",
  examples: ["migrate repair 000007 --as applied --yes"],
  async run(context) {
    const settleAs = states.find((state) => state === context.flags["as"]);
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
