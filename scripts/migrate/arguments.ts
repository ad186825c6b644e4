import { parseArgs } from "node:util";
import { closestTo } from "../../app/config/closest.ts";
import { settingFlags } from "../../app/config/load.ts";
import { AppError } from "../../app/errors.ts";
import type { Command, CommandFlag } from "./command.ts";

/** Flags that every command takes, beside those of the settings table. */
export const globalFlags: Readonly<Record<string, CommandFlag>> = {
  config: { value: "FILE", description: "read settings from a YAML file (CONFIG_FILE)" },
  json: { description: "answer with one JSON document on stdout" },
  yes: { short: "y", description: "do not ask; needed where there is no terminal" },
  verbose: { description: "log more (LOG_LEVEL=debug)" },
  "no-color": { description: "no colours (NO_COLOR)" },
  help: { short: "h", description: "show this help" },
};

export interface SeparatedWords {
  /** The command's name; undefined when there is none. */
  readonly name: string | undefined;
  /** All other words, those in front of the name as well. */
  readonly rest: readonly string[];
}

/** Finds the command's name, which flags of every command may stand in front of: `migrate --config app.yaml up`. */
export function separateCommand(argv: readonly string[]): SeparatedWords {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (!word.startsWith("-")) return { name: word, rest: argv.toSpliced(at, 1) };
    // Its value is not the command.
    if (settingFlags.includes(word)) at += 1;
  }
  return { name: undefined, rest: argv };
}

export interface ParsedArguments {
  readonly positionals: readonly string[];
  /** By the flag's own name, whichever alias was typed. */
  readonly flags: Readonly<Record<string, string | true | undefined>>;
  /** The flags that are settings, as `loadConfig` wants them. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * Splits what was typed behind the command's name.
 *
 * @throws AppError `usage` for an unknown flag, a missing, superfluous or unknown value, too many arguments
 */
export function parseArguments(command: Command, argv: readonly string[]): ParsedArguments {
  const own: Readonly<Record<string, CommandFlag>> = { ...globalFlags, ...command.flags };
  const nameOf = new Map<string, string>();
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const flag of settingFlags) options[flag.slice(2)] = { type: "string" };
  for (const [name, flag] of Object.entries(own)) {
    for (const spelling of [name, ...(flag.aliases ?? [])]) {
      options[spelling] = { type: flag.value === undefined ? "boolean" : "string" };
      nameOf.set(spelling, name);
    }
    if (flag.short !== undefined) options[name] = { ...options[name]!, short: flag.short };
  }
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const flags: Record<string, string | true> = {};
  const settings: Record<string, string> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = options[token.name];
    if (option === undefined) throw unknownFlag(command, token.rawName, Object.keys(options));
    // The next flag is no value, unless it is written with `=`.
    const isMissing = token.value === undefined || (!token.inlineValue && token.value.startsWith("--"));
    if (option.type === "string" && isMissing) throw usage(command, `${token.rawName} needs a value.`);
    if (option.type === "boolean" && token.value !== undefined)
      throw usage(command, `${token.rawName} takes no value.`);
    const name = nameOf.get(token.name);
    const choices = own[name ?? ""]?.choices;
    if (choices !== undefined && !choices.includes(token.value ?? ""))
      throw usage(command, `${token.rawName} must be one of ${choices.join(", ")}, not "${token.value}".`);
    if (name !== undefined) flags[name] = token.value ?? true;
    if (settingFlags.includes(`--${token.name}`)) settings[`--${token.name}`] = token.value ?? "";
  }
  if (command.arguments === undefined && positionals.length > 0) {
    throw usage(
      command,
      `"${positionals[0]}" is not understood; migrate ${command.name} takes no arguments.`,
    );
  }
  if (command.manyArguments !== true && positionals.length > 1) {
    throw usage(
      command,
      `"${positionals[1]}" is not understood; migrate ${command.name} takes one argument.`,
    );
  }
  return {
    positionals,
    flags,
    settings: flags["verbose"] ? { "--log-level": "debug", ...settings } : settings,
  };
}

/** A whole number from a flag's text. */
export function wholeNumber(command: Command, flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw usage(command, `${flag} must be a whole number, not "${text}".`);
  return Number(text);
}

/** A version from a flag's text: the digits in front of a migration's name, or the whole name. */
export function versionNumber(command: Command, flag: string, text: string): bigint {
  const digits = /^(\d{1,19})(?:_.*)?$/.exec(text)?.[1];
  if (digits === undefined) throw usage(command, `${flag} must be a version such as 000003, not "${text}".`);
  return BigInt(digits);
}

/**
 * How many migrations: `-n 2`, or `2` alone as golang-migrate's users type it. What looks like a version is not taken
 * for a number.
 */
export function migrationCount(
  command: Command,
  { positionals, flags }: Pick<ParsedArguments, "positionals" | "flags">,
): number | undefined {
  const [word] = positionals;
  const { n, to } = flags;
  if (word === undefined) return typeof n === "string" ? wholeNumber(command, "-n", n) : undefined;
  if (/^(0\d*|\d{5,})(_\w+)?$/.test(word))
    throw usage(command, `Is ${word} a version? Then type \`migrate ${command.name} --to ${word}\`.`);
  if (!/^\+?\d+$/.test(word) || n !== undefined || to !== undefined)
    throw usage(command, `"${word}" is not understood; type \`migrate ${command.name} -n N\`.`);
  return Number(word);
}

export function usage(command: Command, problem: string): AppError {
  return new AppError("usage", `${problem} See \`migrate ${command.name} --help\`.`);
}

function unknownFlag(command: Command, flag: string, known: readonly string[]): AppError {
  // Alembic's `downgrade -1`.
  if (/^-[1-9]$/.test(flag) && command.flags?.["n"] !== undefined)
    return usage(command, `Unknown flag ${flag}; type \`migrate ${command.name} -n ${flag.slice(1)}\`.`);
  const closest = closestTo(flag.replace(/^-+/, ""), known);
  return usage(
    command,
    `Unknown flag ${flag}${closest === undefined ? "" : ` (did you mean --${closest}?)`}.`,
  );
}
