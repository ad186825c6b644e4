import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { messageOf } from "../errors.ts";
import { parseDatabaseUrl, type DatabaseUrlParts } from "./database-url.ts";
import { parseSetting } from "./parse-setting.ts";
import { sslmodes, type DatabaseAddress } from "./settings.ts";
import { findFirst, type Found, type Layer, type SettingName } from "./sources.ts";

type Field = keyof DatabaseUrlParts | "tlsServerName";

interface FieldNames {
  /** What a person calls it. */
  readonly label: string;
  readonly names: readonly SettingName[];
}

export const databaseUrl: SettingName = { env: "DATABASE_URL", yaml: "database.url" };
export const migrationDatabaseUrl: SettingName = {
  env: "MIGRATE_DATABASE_URL",
  yaml: "database.migrationUrl",
};

/** The families of variables that name a database, field by field. Their order does not matter: they must agree. */
export const databaseFields: Readonly<Record<Field, FieldNames>> = {
  host: {
    label: "host",
    names: [{ env: "DB_HOST", yaml: "database.host" }, { env: "POSTGRES_SERVER" }, { env: "PGHOST" }],
  },
  port: {
    label: "port",
    names: [{ env: "DB_PORT", yaml: "database.port" }, { env: "POSTGRES_PORT" }, { env: "PGPORT" }],
  },
  database: {
    label: "database name",
    names: [{ env: "DB_NAME", yaml: "database.database" }, { env: "POSTGRES_DB" }, { env: "PGDATABASE" }],
  },
  user: {
    label: "user",
    names: [{ env: "DB_USER", yaml: "database.user" }, { env: "POSTGRES_USER" }, { env: "PGUSER" }],
  },
  password: {
    label: "password",
    names: [
      { env: "DB_PASSWORD", yaml: "database.password" },
      { env: "POSTGRES_PASSWORD" },
      { env: "PGPASSWORD" },
    ],
  },
  sslmode: {
    label: "TLS mode",
    names: [{ env: "DATABASE_SSLMODE", yaml: "database.sslmode" }, { env: "PGSSLMODE" }],
  },
  sslRootCert: {
    label: "root certificate",
    names: [{ env: "DATABASE_SSLROOTCERT", yaml: "database.sslrootcert" }, { env: "PGSSLROOTCERT" }],
  },
  tlsServerName: {
    label: "TLS server name",
    names: [{ env: "DATABASE_TLS_SERVER_NAME", yaml: "database.tlsServerName" }],
  },
  options: { label: "options", names: [{ env: "PGOPTIONS", yaml: "database.options" }] },
};

export const migrationUser: SettingName = { env: "MIGRATE_DB_USER", yaml: "database.migrationUser" };
export const migrationPassword: SettingName = {
  env: "MIGRATE_DB_PASSWORD",
  yaml: "database.migrationPassword",
};
export const passwordFile: SettingName = { env: "", yaml: "database.passwordFile" };
export const migrationPasswordFile: SettingName = { env: "", yaml: "database.migrationPasswordFile" };

type FoundFields = Partial<Record<Field, Found>>;

/** The part of the API's address that is set anywhere, or undefined when none is. */
export function findDatabase(
  layers: readonly Layer[],
  cwd: string,
  problems: string[],
): FoundFields | undefined {
  const fields: FoundFields = {};
  for (const layer of layers) {
    const here = fieldsOfLayer(layer, cwd, problems);
    // A password belongs to the user and server it was written down for.
    const sameServer = (["host", "user"] as const).every((field) => {
      const [ours, chosen] = [here[field]?.value, fields[field]?.value];
      return ours === undefined || chosen === undefined || ours === chosen;
    });
    if (!sameServer) delete here.password;
    Object.assign(fields, { ...here, ...fields });
  }
  return Object.keys(fields).some((field) => field !== "sslmode" && field !== "sslRootCert")
    ? fields
    : undefined;
}

/** The migrations' address: `base` with what MIGRATE_DATABASE_URL or MIGRATE_DB_* change; undefined without either. */
export function findMigrationDatabase(
  layers: readonly Layer[],
  base: FoundFields | undefined,
  cwd: string,
  problems: string[],
): FoundFields | undefined {
  const url = findFirst(layers, migrationDatabaseUrl);
  const user = findFirst(layers, migrationUser);
  const password =
    findFirst(layers, migrationPassword) ?? readPasswordFile(layers, migrationPasswordFile, cwd, problems);
  const fromUrl = url === undefined ? {} : urlFields(url, problems);
  if (url === undefined && user === undefined && password === undefined) return undefined;
  const own: FoundFields = {
    ...fromUrl,
    ...agreed("user", [fromUrl.user, user], problems),
    ...agreed("password", [fromUrl.password, password], problems),
  };
  const { password: basePassword, ...rest } = base ?? {};
  const sameRole = own.user === undefined || own.user.value === base?.user?.value;
  return { ...rest, ...(sameRole && basePassword !== undefined ? { password: basePassword } : {}), ...own };
}

/** The checked address; each field that is missing or malformed is added to `problems`. */
export function toAddress(fields: FoundFields, problems: string[]): DatabaseAddress {
  const need = (field: "host" | "database" | "user"): string => {
    const value = fields[field]?.value;
    if (value === undefined) {
      const names = databaseFields[field].names.map(({ env }) => env).join(", ");
      problems.push(
        `The database's ${databaseFields[field].label} is not set: set one of ${names}, or put it into DATABASE_URL.`,
      );
    }
    return value ?? "";
  };
  const checked = (field: "port" | "sslmode", type: "port" | typeof sslmodes, fallback: string): unknown => {
    const found = fields[field] ?? { value: fallback, origin: "" };
    const result = parseSetting(type, found.value);
    if ("value" in result) return result.value;
    problems.push(`${found.origin}: "${found.value}" must be ${result.mustBe}.`);
    return undefined;
  };
  return {
    host: need("host"),
    port: checked("port", "port", "5432") as number,
    database: need("database"),
    user: need("user"),
    password: fields.password?.value,
    sslmode: checked("sslmode", sslmodes, "disable") as DatabaseAddress["sslmode"],
    sslRootCert: fields.sslRootCert?.value,
    tlsServerName: fields.tlsServerName?.value,
    options: fields.options?.value,
  };
}

function fieldsOfLayer(layer: Layer, cwd: string, problems: string[]): FoundFields {
  const url = layer.find(databaseUrl);
  const fromUrl = url === undefined ? {} : urlFields(url, problems);
  const fields: FoundFields = {};
  for (const field of Object.keys(databaseFields) as Field[]) {
    const candidates = [fromUrl[field], ...databaseFields[field].names.map((name) => layer.find(name))];
    if (field === "password") candidates.push(readPasswordFile([layer], passwordFile, cwd, problems));
    Object.assign(fields, agreed(field, candidates, problems));
  }
  return fields;
}

/** The one value that all candidates share; where two differ, that is a problem that names both. */
function agreed(field: Field, candidates: readonly (Found | undefined)[], problems: string[]): FoundFields {
  const [first, ...others] = candidates.filter((candidate) => candidate !== undefined);
  if (first === undefined) return {};
  for (const other of others) {
    if (other.value === first.value) continue;
    const shown = field === "password" ? "" : ` ("${first.value}" and "${other.value}")`;
    problems.push(
      `${first.origin} and ${other.origin} name a different ${databaseFields[field].label}${shown}; unset one of them.`,
    );
  }
  return { [field]: first };
}

function urlFields({ value, origin }: Found, problems: string[]): FoundFields {
  const parts = parseDatabaseUrl(value);
  if (typeof parts === "string") {
    problems.push(`${origin} ${parts}.`);
    return {};
  }
  const fields: FoundFields = {};
  for (const [field, part] of Object.entries(parts))
    if (part !== undefined) fields[field as Field] = { value: part as string, origin };
  return fields;
}

function readPasswordFile(
  layers: readonly Layer[],
  name: SettingName,
  cwd: string,
  problems: string[],
): Found | undefined {
  const path = findFirst(layers, name);
  if (path === undefined) return undefined;
  try {
    return {
      value: readFileSync(resolve(cwd, path.value), "utf8").replace(/[\r\n]+$/, ""),
      origin: path.origin,
    };
  } catch (error) {
    problems.push(`${path.origin}: the file ${path.value} cannot be read: ${messageOf(error)}.`);
    return undefined;
  }
}
