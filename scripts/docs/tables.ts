import {
  databaseFields,
  databaseUrl,
  migrationDatabaseUrl,
  migrationPassword,
  migrationUser,
} from "../../app/config/database-address.ts";
import { settings, type Setting } from "../../app/config/settings.ts";
import { exitCodeMeanings } from "../../app/exit-code.ts";
import { commands } from "../migrate/commands.ts";
import { markdownTable } from "./markdown-table.ts";

const allSettings: readonly Setting[] = Object.values(settings);

const groups: readonly [Setting["group"], string][] = [
  ["service", "Service"],
  ["pool", "The API's connections"],
  ["log", "Log"],
  ["migrations", "Migrations"],
];

/** The README's table of settings. */
export function settingsTable(): string {
  return markdownTable(
    ["variable", "YAML key", "default", "meaning"],
    groups.flatMap(([group]) =>
      allSettings
        .filter((setting) => setting.group === group)
        .map(({ env, yaml, flag, type, default: fallback, description }) => {
          const choices =
            typeof type === "object" ? ` One of ${type.map((choice) => `\`${choice}\``).join(", ")}.` : "";
          return [
            `\`${env}\`${flag === undefined ? "" : `, \`${flag}\``}`,
            `\`${yaml}\``,
            fallback === undefined ? "" : `\`${fallback}\``,
            `${description}${choices}`,
          ];
        }),
    ),
  ).join("\n");
}

export function exitCodeTable(): string {
  return markdownTable(
    ["code", "meaning", "what to do"],
    exitCodeMeanings.map(({ code, meaning, advice }) => [code, meaning, advice]),
  ).join("\n");
}

export function commandTable(): string {
  return markdownTable(
    ["command", "what it does"],
    commands.map(({ name, arguments: args, summary, aliases = [] }) => [
      `\`migrate ${name}${args === undefined ? "" : ` ${args}`}\``,
      `${summary}${aliases.length === 0 ? "" : ` (also \`${aliases.join("`, `")}\`)`}`,
    ]),
  ).join("\n");
}

/** The file of examples: every variable, commented out, with its default. */
export function envExample(): string {
  const families = ["DB_", "POSTGRES_", "PG"] as const;
  const inFamily = (prefix: string): string[] =>
    Object.values(databaseFields)
      .flatMap(({ names }) => names.map(({ env }) => env))
      .filter((env) => env.startsWith(prefix));
  return [
    "# Copy to .env and uncomment what you need. `npm start` needs none of it: without a database it brings its own.",
    "# Precedence: flag > environment > NAME_FILE (a file that holds the value) > YAML (CONFIG_FILE) > .env > default.",
    "# Made from the tables of the code by `npm run docs`.",
    "",
    "# --- Database: one of these families",
    `# ${databaseUrl.env}=postgres://user:password@localhost:5432/headgate`,
    ...families.map((prefix) => `# ${inFamily(prefix).join(" ")}`),
    "#   PGPASSFILE is the file of passwords that psql reads.",
    `# TLS: ${["sslmode", "sslRootCert", "tlsServerName"].map((field) => databaseFields[field as keyof typeof databaseFields].names[0]!.env).join(" ")}`,
    "#   DATABASE_SSLMODE is disable (default), require, verify-ca or verify-full.",
    "# Migrations as another role, or past a connection pooler:",
    `# ${migrationDatabaseUrl.env}=postgres://migrator:password@localhost:5432/headgate`,
    `# ${migrationUser.env}= ${migrationPassword.env}=`,
    ...groups.flatMap(([group, title]) => [
      "",
      `# --- ${title}`,
      ...allSettings
        .filter((setting) => setting.group === group)
        .flatMap(({ env, default: fallback = "", description }) => [
          `# ${description.replaceAll("`", "")}`,
          `# ${env}=${fallback}`,
        ]),
    ]),
    "",
  ].join("\n");
}
