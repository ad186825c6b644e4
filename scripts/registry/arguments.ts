import { parseArgs, type ParseArgsConfig } from "node:util";
import { settingFlags } from "../../app/config/load.ts";
import { AppError, messageOf } from "../../app/errors.ts";

/** The words behind a command, told apart. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** Of the options that the command has. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** Settings, by their flags. */
  readonly flags: Readonly<Record<string, string>>;
}

/** @throws AppError `usage` */
export function readArguments(
  argv: readonly string[],
  ownOptions: Readonly<Record<string, { readonly type: "boolean" | "string" }>>,
): Arguments {
  const options: NonNullable<ParseArgsConfig["options"]> = { ...ownOptions };
  for (const flag of settingFlags) options[flag.slice(2)] = { type: "string" };
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const given = settingFlags.flatMap((flag) => {
      const value = values[flag.slice(2)];
      return typeof value === "string" ? [[flag, value] as const] : [];
    });
    return {
      positionals,
      values: values as Arguments["values"],
      flags: Object.fromEntries(given),
    };
  } catch (error) {
    throw new AppError("usage", messageOf(error), { cause: error });
  }
}
