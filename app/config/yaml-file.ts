import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { messageOf } from "../errors.ts";
import { closestTo } from "./closest.ts";

/**
 * The settings of a YAML file by their dotted keys (`database.host`). Keys that mean nothing, and values that are
 * neither text, number nor boolean, are added to `problems`; so is a file that cannot be read or parsed.
 */
export function parseYamlFile(
  file: string,
  knownKeys: ReadonlySet<string>,
  problems: string[],
): Map<string, string> {
  const settings = new Map<string, string>();
  let document: unknown;
  try {
    // Loaded here because only a start with a YAML file should pay for the parser.
    const { parse } = createRequire(import.meta.url)("yaml") as typeof import("yaml");
    document = parse(readFileSync(file, "utf8"), { prettyErrors: false }) ?? {};
  } catch (error) {
    problems.push(`The configuration file ${file} cannot be read: ${messageOf(error)}.`);
    return settings;
  }
  if (!isMap(document)) {
    problems.push(
      `The configuration file ${file} must be a map of settings, such as \`database: {host: …}\`.`,
    );
    return settings;
  }
  collect(document, "");
  return settings;

  function collect(map: Record<string, unknown>, prefix: string): void {
    for (const [name, value] of Object.entries(map)) {
      const key = prefix + name;
      if (isMap(value)) collect(value, `${key}.`);
      else if (!knownKeys.has(key)) problems.push(`${file}: unknown setting ${key}${suggestion(key)}.`);
      else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
        settings.set(key, String(value));
      else if (value !== null) problems.push(`${file}: ${key} must be a single value.`);
    }
  }

  function suggestion(key: string): string {
    const closest = closestTo(key, knownKeys);
    return closest === undefined ? "" : ` (did you mean ${closest}?)`;
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
