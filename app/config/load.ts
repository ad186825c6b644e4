import { accessSync, constants, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { AppError, messageOf } from "../errors.ts";
import { projectRoot } from "../version.ts";
import {
  databaseFields,
  databaseUrl,
  findDatabase,
  findMigrationDatabase,
  migrationDatabaseUrl,
  migrationPassword,
  migrationPasswordFile,
  migrationUser,
  passwordFile,
  toAddress,
} from "./database-address.ts";
import { parseSetting } from "./parse-setting.ts";
import { settings, type Config, type DatabaseAddress, type Setting, type SettingValues } from "./settings.ts";
import { findFirst, readLayers, type Layer, type SettingName } from "./sources.ts";

export interface LoadOptions {
  /** Flags of the settings table and `--config`, as typed. */
  readonly argv?: readonly string[];
  /** The same, already parsed: `{"--config": "app.yaml"}`. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where `.env` is looked for and where relative paths begin; the current folder unless given. */
  readonly cwd?: string;
  /** `migrations`: the API's own address may be missing where MIGRATE_DATABASE_URL is set. */
  readonly purpose?: "service" | "migrations";
}

/** Where `npm start` writes the address of the PostgreSQL that it runs; read when no database is configured. */
export const embeddedUrlFile: string = join(projectRoot, ".data", "database-url");

const yamlKeys: ReadonlySet<string> = new Set(
  [
    ...(Object.values(settings) as Setting[]),
    ...Object.values(databaseFields).flatMap(({ names }) => names),
    ...[
      databaseUrl,
      migrationDatabaseUrl,
      migrationUser,
      migrationPassword,
      passwordFile,
      migrationPasswordFile,
    ],
  ].flatMap(({ yaml }) => yaml ?? []),
);

/** Flags that set a setting: `--config` and those of the table. */
export const settingFlags: readonly string[] = [
  "--config",
  ...(Object.values(settings) as Setting[]).flatMap(({ flag }) => flag ?? []),
];

/**
 * The whole configuration, checked.
 *
 * @throws AppError `configuration`: one message that lists every problem; `usage` for an unknown flag
 */
export function loadConfig(options: LoadOptions): Config {
  const problems: string[] = [];
  const cwd = options.cwd ?? process.cwd();
  const layers = openLayers(options, cwd, problems);
  const values = readSettings(layers, problems);
  const fields = findDatabase(layers, cwd, problems) ?? findDatabase(embeddedLayer(), cwd, problems);
  const migrationFields = findMigrationDatabase(layers, fields, cwd, problems);
  const own = fields ?? (options.purpose === "migrations" ? migrationFields : undefined);
  if (own === undefined) problems.push(...(problems.length > 0 ? [] : [noDatabase]));
  checkPassfile(options.env, problems);
  const database = toAddress(own ?? {}, own === undefined ? [] : problems);
  const migrationDatabase = migrationFields === undefined ? database : toAddress(migrationFields, problems);
  failOn(problems);
  return { ...values, database, migrationDatabase };
}

/** The settings alone, for commands that need no database. Same errors as `loadConfig`. */
export function loadSettings(options: LoadOptions): SettingValues {
  const problems: string[] = [];
  const values = readSettings(openLayers(options, options.cwd ?? process.cwd(), problems), problems);
  failOn(problems);
  return values;
}

/**
 * The address that a URL names, by itself: nothing is added from anywhere else.
 *
 * @param origin where the URL stands, for messages
 * @throws AppError `configuration`
 */
export function addressOfUrl(url: string, origin: string): DatabaseAddress {
  const problems: string[] = [];
  const layer: Layer = {
    find: ({ env }) => (env === databaseUrl.env ? { value: url, origin } : undefined),
  };
  const address = toAddress(findDatabase([layer], process.cwd(), problems) ?? {}, problems);
  failOn(problems);
  return address;
}

/** How to log, whatever else is wrong with the configuration: somebody must be able to read about that. */
export function loadLogSettings(options: LoadOptions): Pick<SettingValues, "logLevel" | "logFormat"> {
  const values: Partial<SettingValues> = readSettings(
    openLayers(options, options.cwd ?? process.cwd(), []),
    [],
  );
  return { logLevel: values.logLevel ?? settings.logLevel.default, logFormat: values.logFormat };
}

/** Whether anything but the embedded PostgreSQL's own file names a database. */
export function databaseIsConfigured(options: LoadOptions): boolean {
  const cwd = options.cwd ?? process.cwd();
  const layers = openLayers(options, cwd, []);
  return findDatabase(layers, cwd, []) !== undefined || findFirst(layers, migrationDatabaseUrl) !== undefined;
}

const noDatabase =
  "No database is configured: set DATABASE_URL (postgres://user:password@host:5432/name), or DB_HOST, DB_NAME, DB_USER and DB_PASSWORD.";

function openLayers(options: LoadOptions, cwd: string, problems: string[]): Layer[] {
  const flags = { ...options.flags, ...(options.argv === undefined ? {} : parseFlags(options.argv)) };
  return readLayers({ flags, env: options.env, cwd, knownYamlKeys: yamlKeys }, problems);
}

function parseFlags(argv: readonly string[]): Record<string, string> {
  const known = Object.fromEntries(settingFlags.map((flag) => [flag.slice(2), { type: "string" as const }]));
  try {
    const { values } = parseArgs({ args: [...argv], options: known, strict: true });
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [`--${name}`, String(value)]));
  } catch (error) {
    throw new AppError("usage", messageOf(error), { cause: error });
  }
}

function readSettings(layers: readonly Layer[], problems: string[]): SettingValues {
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(settings) as [string, Setting][]) {
    const found =
      findFirst(layers, setting) ??
      (setting.default === undefined ? undefined : { value: setting.default, origin: "" });
    if (found === undefined) continue;
    const result = parseSetting(setting.type, found.value);
    if ("value" in result) values[key] = result.value;
    else problems.push(`${found.origin}: "${found.value}" must be ${result.mustBe}.`);
  }
  return { ...values, ...listenAddress(layers, values, problems) } as SettingValues;
}

/** ADDRESS and PORT both say the port; the one from the higher place holds, and in one place they must agree. */
function listenAddress(
  layers: readonly Layer[],
  { address, port }: Partial<SettingValues>,
  problems: string[],
): Partial<SettingValues> {
  if (address === undefined) return {};
  const placeOf = (name: SettingName): number => layers.findIndex((layer) => layer.find(name) !== undefined);
  const [addressPlace, portPlace] = [placeOf(settings.address), placeOf(settings.port)];
  if (portPlace === -1 || addressPlace < portPlace || port === address.port) return { port: address.port };
  if (portPlace < addressPlace) return port === undefined ? {} : { address: { ...address, port } };
  const [first, second] = [findFirst(layers, settings.address), findFirst(layers, settings.port)];
  problems.push(`${first?.origin} and ${second?.origin} name a different port; unset one of them.`);
  return {};
}

function embeddedLayer(): Layer[] {
  try {
    const value = readFileSync(embeddedUrlFile, "utf8").trim();
    return [
      { find: ({ env }) => (env === databaseUrl.env ? { value, origin: embeddedUrlFile } : undefined) },
    ];
  } catch {
    return [];
  }
}

/** node-postgres reads the file by itself; here only because it stays silent when it cannot. */
function checkPassfile(env: LoadOptions["env"], problems: string[]): void {
  const file = env["PGPASSFILE"];
  if (!file) return;
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    problems.push(`PGPASSFILE: the file ${file} cannot be read: ${messageOf(error)}.`);
  }
}

function failOn(problems: readonly string[]): void {
  const unique = [...new Set(problems)];
  if (unique.length === 0) return;
  const message =
    unique.length === 1
      ? unique[0]!
      : `${unique.length} settings are wrong:\n${unique.map((problem) => `  - ${problem}`).join("\n")}`;
  throw new AppError("configuration", message, { details: { problems: unique } });
}
