import { exitCodeMeanings } from "../../app/exit-code.ts";
import { settingFlags } from "../../app/config/load.ts";
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
    "`migrate COMMAND --help` says more. On a host, in a clone: `scripts/migrate.sh [--build] COMMAND …`,",
    "or `npm run migrate -- COMMAND …`; --build compiles the sources first.",
    "",
  ].join("\n");
}

/** The help of one command. */
export function commandHelp({
  name,
  aliases = [],
  arguments: args,
  summary,
  description,
  flags = {},
  exitCodes = [],
  example,
  examples = [],
}: Command): string {
  return [
    `migrate ${name}: ${summary}`,
    ...(aliases.length === 0 ? [] : [`Also: migrate ${aliases.join(", migrate ")}`]),
    ...(description === undefined ? [] : ["", ...wrap(description, 100)]),
    "",
    `Usage: migrate ${[name, args, "[FLAGS]"].filter((part) => part !== undefined).join(" ")}`,
    ...(Object.keys(flags).length === 0 ? [] : ["", "Flags:", ...columns(flagRows(flags))]),
    "",
    "Flags of every command:",
    ...columns(flagRows(globalFlags)),
    `  and settings: ${settingFlags.filter((flag) => flag !== "--config").join(", ")}`,
    "",
    "Exit codes:",
    ...columns(exitCodeRows(exitCodes)),
    "",
    `Example: ${example}`,
    ...examples.map((each) => `         ${each}`),
    "",
  ].join("\n");
}

/** What the exit codes of one command mean, those that every command may give among them. */
export function exitCodeRows(own: Exclude<Command["exitCodes"], undefined>): [string, string][] {
  const meant = new Map(own.map((entry) => (typeof entry === "number" ? [entry, undefined] : entry)));
  const everywhere = new Set(["0", "1", "2", "128+n"]);
  return exitCodeMeanings
    .filter(({ code }) => everywhere.has(code) || meant.has(Number(code)))
    .map(({ code, meaning }) => [code, meant.get(Number(code)) ?? meaning]);
}

/** Lines of at most so many characters; an empty line stays between paragraphs. */
function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines = [""];
    for (const word of paragraph.split(" ")) {
      const line = lines.at(-1)!;
      if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
      else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
    }
    return lines;
  });
}

function flagRows(flags: Readonly<Record<string, CommandFlag>>): [string, string][] {
  return Object.entries(flags).map(([name, { short, value, description, aliases = [] }]) => [
    `${name.length === 1 ? `-${name}` : `${short === undefined ? "" : `-${short}, `}--${name}`}${value === undefined ? "" : ` ${value}`}`,
    description + (aliases.length === 0 ? "" : ` (also: ${aliases.map((alias) => `--${alias}`).join(", ")})`),
  ]);
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
