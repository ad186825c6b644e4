/**
 * The settings that our own statements run under, whatever the role, the database, the address or a migration has set.
 *
 * The search path: a function, operator or type that somebody overloads in a schema of the path would run with our
 * rights. `pg_temp` is named and last, since it would be looked through first otherwise: a temporary table could stand
 * for a catalogue. Relations of the catalogue are qualified all the same.
 *
 * The others change what a statement answers, or whether it answers: the form of dates and numbers, rows that a policy
 * hides, time-outs.
 */
const settings = {
  search_path: "pg_catalog, pg_temp",
  client_encoding: "UTF8",
  standard_conforming_strings: "on",
  datestyle: "ISO, MDY",
  intervalstyle: "postgres",
  timezone: "UTC",
  extra_float_digits: "1",
  bytea_output: "hex",
  quote_all_identifiers: "off",
  transform_null_equals: "off",
  array_nulls: "on",
  exit_on_error: "off",
  // A policy on the ledger is an error then, and hides no row of it.
  row_security: "off",
  statement_timeout: "0",
  lock_timeout: "0",
} as const;

/** Of the transactions that follow. */
const defaults = {
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
} as const;

/** A list of names, which quotes would make one name. */
const unquoted: ReadonlySet<string> = new Set(["search_path"]);

function assignment(scope: "SET" | "SET LOCAL", [name, value]: readonly [string, string]): string {
  return `${scope} ${name} = ${unquoted.has(name) ? value : `'${value}'`}`;
}

/** SQL, makes them hold for the session. */
export const ownSettings: readonly string[] = Object.entries({ ...settings, ...defaults }).map((entry) =>
  assignment("SET", entry),
);

/** SQL, makes them hold until the transaction ends. */
export const ownSettingsLocally: readonly string[] = Object.entries(settings).map((entry) =>
  assignment("SET LOCAL", entry),
);

/** SQL, an expression that makes them hold for the session, and means the same under any search path. */
export const setOwnSettings = setAll({ ...settings, ...defaults });

const { row_security: _, statement_timeout: __, lock_timeout: ___, ...serving } = settings;
/** SQL, the same for the API, which has time-outs of its own, and tables that may have policies. */
export const setServingSettings = setAll({ ...serving, ...defaults });

function setAll(values: Readonly<Record<string, string>>): string {
  const calls = Object.entries(values).map(
    ([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`,
  );
  return `pg_catalog.concat(${calls.join(", ")})`;
}
