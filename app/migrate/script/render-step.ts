import { ownSettings, ownSettingsLocally } from "../../database/own-settings.ts";
import { applicationNameLimit, cleanSession } from "../../database/session.ts";
import type { LedgerTables } from "../ledger-tables.ts";
import type { Step } from "../run-steps.ts";
import type { ConcurrentIndex, Statement } from "../statements.ts";
import { assertRecorded, markNameSql, writesOneRowEach } from "../applied-names.ts";
import { finishSql, progressSql, startedSql } from "../run-progress.ts";
import { ourselves } from "../recorded-transaction.ts";
import { fireDeferred, writeLiteral } from "../transaction-messages.ts";
import { newestRun, runRow } from "./ledger-rows.ts";
import { block, hideFromPsql, literal } from "./quoting.ts";

export interface StepSettings {
  readonly tables: LedgerTables;
  /** Milliseconds. */
  readonly lockTimeout: number;
}

/**
 * The session as every migration may count on it, like `resetStatements` of a run. The encoding is set since psql takes
 * another one from its locale; settings that only newer servers have are left alone by older ones.
 */
export function resetSql(activity: string): string[] {
  return [
    ...cleanSession,
    "SET client_encoding = 'UTF8'",
    // psql does not speak up by itself.
    "SET idle_in_transaction_session_timeout = 0",
    block(`  IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 140000 THEN
    SET idle_session_timeout = 0;
  END IF;
  IF pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 170000 THEN
    SET transaction_timeout = 0;
  END IF;`),
    `SET application_name = ${literal(`headgate ${activity}`.slice(0, applicationNameLimit))}`,
  ];
}

/** Back to our own role and settings, for our own tables. */
const leave = [
  "RESET SESSION AUTHORIZATION",
  "RESET ROLE",
  "RESET ALL",
  ...timeouts(0, 0),
  fireDeferred,
  ...ownSettings,
];

/** A migration in one transaction with its rows in the ledger. `texts` are what it runs, each of one or more statements. */
export async function transactionSql(
  settings: StepSettings,
  step: Step,
  texts: readonly string[],
): Promise<string[]> {
  const { file, directives, direction, keepsNobodyWaiting, transactionModes = "" } = step.migration;
  const lockTimeout = directives.lockTimeout ?? (keepsNobodyWaiting ? 0 : settings.lockTimeout);
  return [
    `BEGIN${transactionModes}`,
    ...timeouts(lockTimeout, directives.statementTimeout ?? 0),
    ...(await Promise.all(texts.map(asInFile))),
    ...leave,
    writesOneRowEach([
      runRow(settings.tables, step, direction === "up" ? "applied" : "reverted"),
      markNameSql(settings.tables, file.name, direction, writeLiteral),
    ]),
    assertRecorded(settings.tables, file.name, direction, writeLiteral),
    "COMMIT",
  ];
}

/**
 * A no-transaction migration, statement by statement, each recorded as a run records it: `migrate up` can go on where
 * the script was cut off.
 */
export async function outsideSql(settings: StepSettings, step: Step): Promise<string[]> {
  const { tables } = settings;
  const { file, direction, statements = [], directives } = step.migration;
  const resumeAt = step.unfinished?.statementsDone ?? 0;
  const newest = newestRun(tables, file.name);
  const lines = [
    ...ownSettings,
    runRow(tables, step, "running"),
    ...resetSql(`migrate sql ${direction} ${file.name}`),
  ];
  for (const [index, statement] of statements.entries()) {
    if (index < resumeAt) {
      // What earlier statements set for the session is gone with the session that was cut off.
      if (statement.setsSession) lines.push(await asInFile(statement.text));
    } else if (directives.repeatUntilZero !== undefined)
      lines.push(...batchesSql(tables, step, statement, directives.repeatUntilZero.pause));
    else if (statement.outsideTransaction) lines.push(...(await bareSql(tables, step, statement, index)));
    else lines.push(...(await recordedSql(settings, step, statement, index)));
  }
  return [
    ...lines,
    ...resetSql(`migrate sql ${direction} ${file.name}`),
    ...ownSettings,
    "BEGIN",
    finishSql(tables, newest, { state: direction === "up" ? "applied" : "reverted" }, writeLiteral),
    markNameSql(tables, file.name, direction, writeLiteral),
    assertRecorded(tables, file.name, direction, writeLiteral),
    "COMMIT",
  ];
}

async function recordedSql(
  { tables, lockTimeout }: StepSettings,
  { migration }: Step,
  statement: Statement,
  index: number,
): Promise<string[]> {
  const { directives, file, keepsNobodyWaiting } = migration;
  const patience = directives.lockTimeout ?? (statement.validates || keepsNobodyWaiting ? 0 : lockTimeout);
  return [
    "BEGIN READ WRITE",
    ...timeouts(patience, directives.statementTimeout ?? 0),
    await asInFile(statement.text),
    ...ourselves,
    progressSql(tables, newestRun(tables, file.name), index + 1),
    "COMMIT",
  ];
}

/** What takes no transaction, or may commit by itself (DO, CALL). */
async function bareSql(
  tables: LedgerTables,
  { migration: { file, directives } }: Step,
  statement: Statement,
  index: number,
): Promise<string[]> {
  return [
    ...asOurselves(startedSql(tables, newestRun(tables, file.name), index)),
    "SET lock_timeout = 0",
    `SET statement_timeout = ${directives.statementTimeout ?? 0}`,
    await asInFile(statement.text),
    ...(statement.concurrently?.action === "create" ? [assertValid(statement.concurrently)] : []),
    ...asOurselves(progressSql(tables, newestRun(tables, file.name), index + 1)),
  ];
}

/** IF NOT EXISTS is content with the INVALID index that an interrupted build leaves. */
function assertValid({ schema, index = "" }: ConcurrentIndex): string {
  const quoted = [...(schema === undefined ? [] : [schema]), index]
    .map((name) => `"${name.replaceAll('"', '""')}"`)
    .join(".");
  return block(
    `  IF EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indexrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${literal(quoted)}) AND NOT i.indisvalid) THEN
    RAISE EXCEPTION USING MESSAGE = ${literal(`headgate: the index ${index} is INVALID; drop it, and run the migration again`)};
  END IF;`,
  );
}

const rowsAreCounted: ReadonlySet<string> = new Set(["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);

/**
 * A backfill as a loop that commits each batch, which a block may do outside a transaction. The statement is a literal
 * there: as a part of the block its names could be taken for variables.
 */
function batchesSql(
  tables: LedgerTables,
  { migration: { file, directives } }: Step,
  statement: Statement,
  pause: number,
): string[] {
  const loop = `  LOOP
    EXECUTE ${literal(statement.text.trim())};
    GET DIAGNOSTICS changed = ROW_COUNT;
    EXIT WHEN changed OPERATOR(pg_catalog.=) 0${rowsAreCounted.has(statement.node) ? "" : " OR true"};
    ${ownSettingsLocally.join("; ")};
    ${progressSql(tables, newestRun(tables, file.name), 0, "changed")};
    COMMIT;${pause > 0 ? `\n    PERFORM pg_catalog.pg_sleep(${pause / 1000});` : ""}
  END LOOP;`;
  return [
    ...(directives.statementTimeout === undefined
      ? []
      : [
          comment(
            `statement-timeout=${directives.statementTimeout}ms holds for a batch of \`migrate up\`; a loop in SQL cannot have it.`,
          ),
        ]),
    "SET lock_timeout = 0",
    "SET statement_timeout = 0",
    block(loop, "changed pg_catalog.int8;"),
    ...asOurselves(progressSql(tables, newestRun(tables, file.name), 1)),
  ];
}

function asOurselves(statement: string): string[] {
  return ["BEGIN READ WRITE", ...ourselves, statement, "COMMIT"];
}

function timeouts(lock: number, statement: number): string[] {
  return [`SET LOCAL lock_timeout = ${lock}`, `SET LOCAL statement_timeout = ${statement}`];
}

/** As it stands in the file, less the last semicolon. One that ends in a comment must not swallow ours. */
async function asInFile(text: string): Promise<string> {
  const shown = (await hideFromPsql(text)).trim();
  if (shown.slice(shown.lastIndexOf("\n") + 1).includes("--")) return `${shown}\n`;
  return shown.endsWith(";") ? shown.slice(0, -1) : shown;
}

/** A line that is no statement. */
export function comment(text: string): string {
  return `-- ${text.replaceAll(/\s+/g, " ")}`;
}
