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
    "Makes the ledger agree with the files after an intended change. By itself it moves the record of a file that was renamed or renumbered with the same content, stamps an edit of comments or white space, removes duplicate rows, and drops indexes that interrupted or failed builds left INVALID, unless somebody is building them. Everything else takes a person who names the migration: an edit that changes what the file does, and a file that is gone. `--as` records how one migration is, whatever the ledger says: `applied` (its effects are there) or `pending` (none of them is). Every change is shown first, and asked for. Nothing else of the schema is touched. What is left for a person to name is exit code 7.",
  arguments: "[VERSION, NAME or INDEX]",
  flags: {
    as: {
      value: "STATE",
      choices: states,
      description: "record the migration that you name as `applied` or `pending`; nothing is run",
    },
  },
  exitCodes: [[3, "you declined"], 4, 5, [7, "something is left that you have to name"], 8],
  example: "migrate repair 000004",
  examples: ["migrate repair 000007 --as applied --yes"],
  async run(context) {
    const settleAs = states.find((state) => state === context.flags["as"]);
    const { outcome, actions, left } = await repairLedger(context.config(), {
      only: context.positionals[0],
      settleAs,
      signal: context.signal,
      listener: context.listener,
      confirm: async (plan) =>
        await confirm(
          context,
          ["This will be done:", ...plan.actions.map(({ sentence }) => `  ${sentence}`)],
          "Go on?",
        ),
    });
    context.answer({
      outcome,
      actions: actions.map(({ kind, name, sentence }) => ({ kind, name, sentence })),
      left,
    });
    for (const { sentence } of outcome === "repaired" ? actions : []) context.say(sentence);
    for (const { sentence } of outcome === "declined" ? [] : left)
      context.say(`Left, since it takes your word: ${sentence}`);
    if (outcome === "nothing-to-do" && left.length === 0) context.say("Nothing needs repair.");
    if (outcome === "declined") context.say("Nothing was touched.");
    if (outcome === "repaired") context.say(`${countOf(actions.length, "change")} made.`);
    if (outcome === "declined") return 3;
    return left.length > 0 ? 7 : 0;
  },
};
