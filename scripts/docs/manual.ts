import { globalFlags } from "../migrate/arguments.ts";
import type { Command, CommandFlag } from "../migrate/command.ts";
import { commands } from "../migrate/commands.ts";
import { exitCodeRows } from "../migrate/usage.ts";
import { markdownTable } from "./markdown-table.ts";
import { exitCodeTable } from "./tables.ts";

/** docs/migrate.md: every command with its flags and an example. */
export function commandManual(): string {
  return [
    "# The `migrate` command",
    "",
    "<!-- made by npm run docs from the table of commands; changes here are lost -->",
    "",
    "stdout is the answer: text, or one JSON document with `--json`. stderr is the log: pretty on a terminal, JSON lines elsewhere.",
    "Each of these documents has a JSON Schema in [schemas/](schemas), named after its command; a command that could not do what it",
    "was asked answers with [schemas/error.json](schemas/error.json) instead. Help texts are text with `--json`, too.",
    "Settings that have no flag come from the environment, a YAML file or `.env`: see the [README](../README.md).",
    "",
    "In the image `migrate` is on the PATH. On a host, in a clone, it is `scripts/migrate.sh [--build] COMMAND …` or",
    "`npm run migrate -- COMMAND …`. The script takes `dist/` as it is, once it is there; `--build` compiles what changed first.",
    "",
    "## Flags of every command",
    "",
    ...flagTable(globalFlags),
    "",
    ...commands.flatMap(section),
    "## Exit codes",
    "",
    exitCodeTable(),
    "",
  ].join("\n");
}

function section({
  name,
  aliases = [],
  arguments: args,
  summary,
  description,
  flags = {},
  exitCodes = [],
  example,
  examples = [],
}: Command): string[] {
  return [
    `## migrate ${name}${args === undefined ? "" : ` ${args}`}`,
    "",
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.${aliases.length === 0 ? "" : ` Also: \`migrate ${aliases.join("`, `migrate ")}\`.`}`,
    "",
    ...(description === undefined ? [] : [description, ""]),
    ...(Object.keys(flags).length === 0 ? [] : [...flagTable(flags), ""]),
    ...markdownTable(["exit code", "meaning"], exitCodeRows(exitCodes)),
    "",
    "```sh",
    example,
    ...examples,
    "```",
    "",
    `With \`--json\`: [schemas/${name}.json](schemas/${name}.json).`,
    "",
  ];
}

function flagTable(flags: Readonly<Record<string, CommandFlag>>): string[] {
  return markdownTable(
    ["flag", "meaning"],
    Object.entries(flags).map(([name, { short, value, description, aliases = [] }]) => {
      // A flag of one letter is written with one hyphen.
      const spellings = [
        ...(short === undefined || short === name ? [] : [`-${short}`]),
        name.length === 1 ? `-${name}` : `--${name}`,
        ...aliases.map((alias) => `--${alias}`),
      ];
      const shown = spellings.map((spelling) => `\`${spelling}${value === undefined ? "" : ` ${value}`}\``);
      return [shown.join(", "), description];
    }),
  );
}
