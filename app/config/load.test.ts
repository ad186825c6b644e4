import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { AppError } from "../errors.ts";
import { databaseIsConfigured, loadConfig, loadLogSettings, type LoadOptions } from "./load.ts";

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "headgate-config-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const url = "postgres://app:s3cret@db:6000/shop";
const load = (options: Partial<LoadOptions>) => loadConfig({ env: {}, cwd, ...options });

function problemsOf(options: Partial<LoadOptions>): unknown {
  try {
    load(options);
  } catch (error) {
    if (error instanceof AppError && error.code === "configuration") return error.details["problems"];
    throw error;
  }
  return "no problem";
}

function write(name: string, content: string): string {
  writeFileSync(join(cwd, name), content);
  return join(cwd, name);
}

describe("precedence", () => {
  const env = { DATABASE_URL: url };

  it("takes a flag before the environment, that before YAML, that before .env, that before the default", () => {
    write(".env", "LOG_LEVEL=trace\nPORT=1001\nOPERATIONS_PORT=1002\n");
    const yaml = write("app.yaml", "log: {level: debug}\nservice: {port: 2001}\n");
    const flags = { "--config": yaml };
    expect(
      load({ env: { ...env, LOG_LEVEL: "warn" }, flags: { ...flags, "--log-level": "error" } }).logLevel,
    ).toBe("error");
    expect(load({ env: { ...env, LOG_LEVEL: "warn" }, flags }).logLevel).toBe("warn");
    expect(load({ env, flags })).toMatchObject({
      logLevel: "debug",
      port: 2001,
      operationsPort: 1002,
      poolSize: 10,
    });
  });

  it("reads NAME_FILE without its last line break, below NAME of the environment and above YAML", () => {
    const file = write("secret", "from-file\n");
    write("app.yaml", "database: {password: from-yaml}\n");
    const base = { DB_HOST: "db", DB_NAME: "shop", DB_USER: "app", CONFIG_FILE: "app.yaml" };
    expect(load({ env: { ...base, DB_PASSWORD_FILE: file } }).database.password).toBe("from-file");
    expect(load({ env: base }).database.password).toBe("from-yaml");
  });

  it("counts an empty variable as not set", () => {
    expect(load({ env: { ...env, PORT: "", DB_HOST: "" } }).port).toBe(8080);
  });
});

describe("the database", () => {
  const expected = { host: "db", port: 6000, database: "shop", user: "app", password: "s3cret" };

  it.each([
    ["DATABASE_URL", { DATABASE_URL: url }],
    ["DB_*", { DB_HOST: "db", DB_PORT: "6000", DB_NAME: "shop", DB_USER: "app", DB_PASSWORD: "s3cret" }],
    [
      "POSTGRES_*",
      {
        POSTGRES_SERVER: "db",
        POSTGRES_PORT: "6000",
        POSTGRES_DB: "shop",
        POSTGRES_USER: "app",
        POSTGRES_PASSWORD: "s3cret",
      },
    ],
    ["PG*", { PGHOST: "db", PGPORT: "6000", PGDATABASE: "shop", PGUSER: "app", PGPASSWORD: "s3cret" }],
  ])("is named by the family %s", (_family, env) => {
    expect(load({ env }).database).toMatchObject(expected);
    expect(databaseIsConfigured({ env, cwd })).toBe(true);
  });

  it("is named by YAML with a password file", () => {
    write("password", "s3cret\n");
    write(
      "app.yaml",
      "database:\n  host: db\n  port: 6000\n  database: shop\n  user: app\n  passwordFile: password\n  sslmode: require\n",
    );
    expect(load({ env: { CONFIG_FILE: "app.yaml" } }).database).toMatchObject({
      ...expected,
      sslmode: "require",
    });
  });

  it("may be named by two families that agree, and one may complete the other", () => {
    expect(
      load({
        env: {
          DATABASE_URL: "postgres://app@db:6000/shop",
          POSTGRES_USER: "app",
          POSTGRES_PASSWORD: "s3cret",
        },
      }).database,
    ).toMatchObject(expected);
  });

  it("must not be named differently by two families, and no password is shown", () => {
    expect(problemsOf({ env: { DATABASE_URL: url, DB_HOST: "other", PGPASSWORD: "different" } })).toEqual([
      'DATABASE_URL and DB_HOST name a different host ("db" and "other"); unset one of them.',
      "DATABASE_URL and PGPASSWORD name a different password; unset one of them.",
    ]);
  });

  it("does not send a password of .env to another server", () => {
    write(".env", "DB_HOST=old\nDB_NAME=shop\nDB_USER=app\nDB_PASSWORD=old-secret\n");
    expect(load({ env: { DATABASE_URL: "postgres://app@new/shop" } }).database).toMatchObject({
      host: "new",
      password: undefined,
    });
    expect(load({ env: {} }).database).toMatchObject({ host: "old", password: "old-secret" });
  });

  it("names every missing part", () => {
    expect(problemsOf({ env: { DB_PORT: "5432", DB_NAME: "shop" } })).toEqual([
      "The database's host is not set: set one of DB_HOST, POSTGRES_SERVER, PGHOST, or put it into DATABASE_URL.",
      "The database's user is not set: set one of DB_USER, POSTGRES_USER, PGUSER, or put it into DATABASE_URL.",
    ]);
  });

  it.each([
    ["mysql://x:secret@h/d", "must begin with postgres:// or postgresql://"],
    [
      "postgres://u:pa#ss@h/d",
      "is not a valid URL (percent-encode special characters such as @ / # ? % in the password)",
    ],
    [
      "postgres://u:p%zz@h/d",
      "has a % that is not followed by two hexadecimal digits (write %25 for a percent sign)",
    ],
    ["postgres://u:p@a:1,b:2/d", "is not a valid URL (several hosts in one URL are not supported)"],
  ])("explains a bad URL and does not show it: %s", (bad, sentence) => {
    expect(problemsOf({ env: { DATABASE_URL: bad } })).toContain(`DATABASE_URL ${sentence}.`);
    expect(JSON.stringify(problemsOf({ env: { DATABASE_URL: bad } }))).not.toMatch(/secret|pa#ss|p%zz/);
  });

  it("understands encoded parts, a socket folder and TLS parameters in a URL", () => {
    const address = load({
      env: {
        DATABASE_URL: "postgresql://a%40b:p%2Fw@/d%20b?host=/run/pg&sslmode=verify-full&sslrootcert=/ca.pem",
      },
    }).database;
    expect(address).toMatchObject({
      host: "/run/pg",
      user: "a@b",
      password: "p/w",
      database: "d b",
      sslmode: "verify-full",
      sslRootCert: "/ca.pem",
    });
  });

  it("refuses a TLS mode that may fall back to plain text", () => {
    expect(problemsOf({ env: { DATABASE_URL: url, PGSSLMODE: "prefer" } })).toEqual([
      'PGSSLMODE: "prefer" must be one of disable, require, verify-ca, verify-full.',
    ]);
  });

  it("says what to set when there is none", () => {
    expect(problemsOf({ env: {} })).toEqual([
      "No database is configured: set DATABASE_URL (postgres://user:password@host:5432/name), or DB_HOST, DB_NAME, DB_USER and DB_PASSWORD.",
    ]);
  });
});

describe("the migrations' database", () => {
  it("is the API's unless something else is said", () => {
    const { database, migrationDatabase } = load({ env: { DATABASE_URL: url } });
    expect(migrationDatabase).toBe(database);
  });

  it("may be reached as another role, which does not inherit the API's password", () => {
    const { migrationDatabase } = load({ env: { DATABASE_URL: url, MIGRATE_DB_USER: "owner" } });
    expect(migrationDatabase).toMatchObject({ host: "db", user: "owner", password: undefined });
  });

  it("may be reached past a pooler, with the same TLS mode", () => {
    const env = {
      DATABASE_URL: url,
      DATABASE_SSLMODE: "require",
      MIGRATE_DATABASE_URL: "postgres://owner:o@direct/shop",
    };
    expect(load({ env }).migrationDatabase).toMatchObject({
      host: "direct",
      user: "owner",
      password: "o",
      sslmode: "require",
    });
  });

  it("is enough for a command that only migrates, and not for the service", () => {
    const env = { MIGRATE_DATABASE_URL: "postgres://owner:o@direct/shop" };
    expect(load({ env, purpose: "migrations" }).migrationDatabase.host).toBe("direct");
    expect(problemsOf({ env, purpose: "service" })).toHaveLength(1);
  });
});

describe("problems", () => {
  it("are reported all at once, of every kind", () => {
    const yaml = write("app.yaml", "service: {prot: 1}\nlog: [1]\n");
    const env = {
      DATABASE_URL: url,
      DB_HOST: "other",
      PORT: "99999",
      WAIT_TIMEOUT: "soon",
      MIGRATIONS_TABLE: 'a"b',
      DB_PASSWORD: "x",
      DB_PASSWORD_FILE: "/nowhere",
    };
    expect(problemsOf({ env, flags: { "--config": yaml } })).toEqual([
      `${yaml}: unknown setting service.prot (did you mean service.port?).`,
      `${yaml}: unknown setting log.`,
      'PORT: "99999" must be a port number, 0 to 65535.',
      'MIGRATIONS_TABLE: "a"b" must be a name of at most 63 letters, digits, _, $ or -, not beginning with a digit.',
      'WAIT_TIMEOUT: "soon" must be a duration such as 500ms, 30s, 10min or 1h (a bare number is seconds).',
      'DATABASE_URL and DB_HOST name a different host ("db" and "other"); unset one of them.',
      "Both DB_PASSWORD and DB_PASSWORD_FILE are set; unset one of them.",
      "DATABASE_URL and DB_PASSWORD name a different password; unset one of them.",
    ]);
  });

  it("name a secret file that is missing or empty", () => {
    const empty = write("empty", "\n");
    expect(problemsOf({ env: { DATABASE_URL_FILE: join(cwd, "gone") } })).toEqual([
      `DATABASE_URL_FILE: the file ${join(cwd, "gone")} cannot be read: ENOENT: no such file or directory, open '${join(cwd, "gone")}'.`,
    ]);
    expect(problemsOf({ env: { DATABASE_URL_FILE: empty } })).toEqual([
      `DATABASE_URL_FILE: the file ${empty} is empty.`,
    ]);
  });

  it("of a flag are about usage", () => {
    expect(() => load({ env: { DATABASE_URL: url }, argv: ["--prot", "1"] })).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  });

  it("do not keep anybody from logging", () => {
    expect(loadLogSettings({ env: { LOG_LEVEL: "loud", PORT: "x" }, cwd })).toEqual({
      logLevel: "info",
      logFormat: undefined,
    });
  });
});

describe("values", () => {
  const env = { DATABASE_URL: url };

  it.each([
    ["500ms", 500],
    ["90", 90_000],
    ["1.5s", 1500],
    ["10min", 600_000],
    ["2h", 7_200_000],
  ])("reads the duration %s as %i ms", (text, milliseconds) => {
    expect(load({ env: { ...env, WAIT_TIMEOUT: text } }).waitTimeout).toBe(milliseconds);
  });

  it("takes host and port from --address before PORT, and wants them to agree in one place", () => {
    expect(load({ env, argv: ["--address", "127.0.0.1:9000"] })).toMatchObject({
      port: 9000,
      address: { host: "127.0.0.1", port: 9000 },
    });
    expect(load({ env, argv: ["--address", "[::1]:9000"] }).address).toEqual({ host: "::1", port: 9000 });
    expect(load({ env, argv: ["--address=:9000"] }).address).toEqual({ port: 9000 });
    expect(load({ env: { ...env, PORT: "8000" }, argv: ["--address", ":9000"] })).toMatchObject({
      port: 9000,
      address: { port: 9000 },
    });
    expect(problemsOf({ env: { ...env, PORT: "8000", ADDRESS: ":9000" } })).toEqual([
      "ADDRESS and PORT name a different port; unset one of them.",
    ]);
  });
});
