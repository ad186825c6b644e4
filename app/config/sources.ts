import { readFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { parse as parseDotenv } from "dotenv";
import { messageOf } from "../errors.ts";
import { parseYamlFile } from "./yaml-file.ts";

/** A value and the words that lead a person to where it was set. */
export interface Found {
  readonly value: string;
  readonly origin: string;
}

/** One place that settings come from. `find` returns what the place says about a setting, or undefined. */
export interface Layer {
  find(name: SettingName): Found | undefined;
}

/** How one setting is called in each kind of place. */
export interface SettingName {
  readonly env: string;
  readonly yaml?: string | undefined;
  readonly flag?: string | undefined;
}

export interface SourceOptions {
  readonly flags?: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of `.env`, and where relative paths begin. */
  readonly cwd: string;
  /** Every YAML key that means something. */
  readonly knownYamlKeys: ReadonlySet<string>;
}

/**
 * The places in order of precedence: flags, environment (with `NAME_FILE`), YAML, `.env`. What is wrong with a place is
 * added to `problems`; the place then counts as empty.
 */
export function readLayers(options: SourceOptions, problems: string[]): Layer[] {
  const { flags = {}, env, cwd } = options;
  const dotenv = readDotenv(join(cwd, ".env"), problems);
  const yamlPath = flags["--config"] ?? (env["CONFIG_FILE"] || dotenv["CONFIG_FILE"]);
  const yaml = yamlPath
    ? parseYamlFile(resolve(cwd, yamlPath), options.knownYamlKeys, problems)
    : new Map<string, string>();
  return [
    { find: ({ flag }) => found(flag && flags[flag], flag ?? "") },
    environmentLayer(env, cwd, "", problems),
    { find: ({ yaml: key }) => found(key && yaml.get(key), `${key} in ${yamlPath}`) },
    environmentLayer(dotenv, cwd, " in .env", problems),
  ];
}

/** What the first place that knows the setting says. */
export function findFirst(layers: readonly Layer[], name: SettingName): Found | undefined {
  for (const layer of layers) {
    const value = layer.find(name);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** Variables, each either given as `NAME` or as `NAME_FILE`, the path of a file that holds the value. */
function environmentLayer(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
  where: string,
  problems: string[],
): Layer {
  const reported = new Set<string>();
  const report = (problem: string): void => {
    if (!reported.has(problem)) problems.push(problem);
    reported.add(problem);
  };
  return {
    find({ env: name }) {
      // A setting whose own name ends in _FILE is a path already.
      const fileName = name.endsWith("_FILE") ? undefined : `${name}_FILE`;
      const value = env[name] || undefined;
      const path = fileName && (env[fileName] || undefined);
      if (value !== undefined && path !== undefined)
        report(`Both ${name} and ${fileName} are set${where}; unset one of them.`);
      if (value !== undefined) return { value, origin: `${name}${where}` };
      if (path === undefined) return undefined;
      const origin = `${fileName}${where}`;
      try {
        const content = readFileSync(isAbsolute(path) ? path : resolve(cwd, path), "utf8").replace(
          /[\r\n]+$/,
          "",
        );
        if (content !== "") return { value: content, origin };
        report(`${origin}: the file ${path} is empty.`);
      } catch (error) {
        report(`${origin}: the file ${path} cannot be read: ${messageOf(error)}.`);
      }
      return undefined;
    },
  };
}

function readDotenv(file: string, problems: string[]): Record<string, string> {
  try {
    return parseDotenv(readFileSync(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR")
      problems.push(`${file} cannot be read: ${messageOf(error)}.`);
    return {};
  }
}

function found(value: string | undefined, origin: string): Found | undefined {
  return value === undefined || value === "" ? undefined : { value, origin };
}
