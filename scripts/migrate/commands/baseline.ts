import { adoptableTools } from "../../../app/migrate/foreign/tools.ts";
import { baseline as recordBaseline, type BaselinePlan } from "../../../app/migrate/baseline.ts";
import { usage, versionNumber } from "../arguments.ts";
import type { Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { countOf } from "../words.ts";

export const baseline: Command = {
  name: "baseline",
  summary: "record migrations as applied without running them, or take over another tool's history",
  description:
    "For a schema that was made without Headgate: records everything up to VERSION as applied, without running it. With `--adopt` the history of another tool says which; its table is kept, and renamed where it has the name of ours. `migrate baseline 0` makes an empty ledger in a database that has tables of others, which `up` refuses otherwise. Asks before it writes.",
  arguments: "[VERSION]",
  flags: {
    adopt: {
      value: "TOOL",
      choices: adoptableTools,
      description: `take the history of ${adoptableTools.join(", ")}`,
    },
  },
  exitCodes: [[3, "you declined"], 4, 5, [7, "the other tool's history cannot be taken over"], 8],
  example: "migrate baseline --adopt golang-migrate",
  examples: ["migrate baseline 000042 --yes", "migrate baseline 0 --yes"],
  async run(context) {
    const adopt = adoptableTools.find((tool) => tool === context.flags["adopt"]);
    const version =
      context.positionals[0] === undefined
        ? undefined
        : versionNumber(baseline, "VERSION", context.positionals[0]);
    if (adopt === undefined && version === undefined)
      throw usage(baseline, "Say how far the schema is: a VERSION, or --adopt TOOL.");
    const { outcome, plan } = await recordBaseline(context.config(), {
      version,
      adopt,
      signal: context.signal,
      listener: context.listener,
      confirm: async (proposed) => await confirm(context, describe(proposed), "Record that?"),
    });
    for (const text of plan.foreign?.notes ?? [])
      context.listener({ type: "warning", name: "baseline", text });
    context.answer({ outcome, recorded: plan.names, renamedTo: plan.renamedTo ?? null });
    if (outcome === "nothing-to-do")
      context.say(
        version === 0n ? "There is a ledger already." : "All of them are recorded as applied already.",
      );
    if (outcome === "declined") context.say("Nothing was touched.");
    if (outcome === "recorded" && plan.makesLedger)
      context.say("An empty ledger was made; `migrate up` runs all migrations.");
    else if (outcome === "recorded")
      context.say(`${countOf(plan.names.length, "migration")} recorded as applied; none was run.`);
    return outcome === "declined" ? 3 : 0;
  },
};

function describe({ names, renamedTo, foreign, makesLedger }: BaselinePlan): string[] {
  if (makesLedger)
    return [
      "An empty ledger will be made: all migrations of this folder are still to be run on this database.",
    ];
  return [
    `${countOf(names.length, "migration")} will be recorded as applied, without being run:`,
    ...names.map((name) => `  ${name}`),
    ...(renamedTo === undefined
      ? []
      : [`The table ${foreign?.table} of the other tool will be renamed to ${renamedTo}.`]),
  ];
}
