import { exitCodeMeanings } from "../../app/exit-code.ts";
import { globalFlags } from "./arguments.ts";
import type { Command, CommandFlag } from "./command.ts";

/** The help of the whole program. */
export function overview(commands: readonly Command[]): string {
  const rows = commands.map(({ name, aliases = [], arguments: args, summary }): [string, string] => [
    [name, args].filter((part) => part !== undefined).join(" "),
    summary + (aliases.length === 0 ? "" : ` (also: ${aliases.join(", ")})`),
  ]);
  return [
    "migrate: brings a PostgreSQL schema to head, safely with any number of runners",
    "",
    "Usage: migrate COMMAND [FLAGS]",
    "",
    ...columns(rows),
    "",
    "Flags of every command:",
    ...columns(flagRows(globalFlags)),
    "",
    "Exit codes:",
    ...columns(exitCodeMeanings.map(({ code, meaning }) => [code, meaning])),
    "",
    "`migrate COMMAND --help` says more.",
    "",
  ].join("\n");
}

/** The help of one command. */
export function commandHelp({
  name,
  aliases = [],
  arguments: args,
  summary,
  flags = {},
  example,
}: Command): string {
  return [
    `migrate ${name}: ${summary}`,
    ...(aliases.length === 0 ? [] : [`Also: migrate ${aliases.join(", migrate ")}`]),
    "",
    `Usage: migrate ${[name, args, "[FLAGS]"].filter((part) => part !== undefined).join(" ")}`,
    ...(Object.keys(flags).length === 0 ? [] : ["", "Flags:", ...columns(flagRows(flags))]),
    "",
    "Flags of every command:",
    ...columns(flagRows(globalFlags)),
    "",
    `Example: ${example}`,
    "",
  ].join("\n");
}

function flagRows(flags: Readonly<Record<string, CommandFlag>>): [string, string][] {
  return Object.entries(flags).map(([name, { short, value, description, aliases = [] }]) => [
    `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
    description + (aliases.length === 0 ? "" : ` (also: ${aliases.map((alias) => `--${alias}`).join(", ")})`),
  ]);
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
