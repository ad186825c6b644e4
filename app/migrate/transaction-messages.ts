import type { QueryResultRow } from "pg";
import { TextFailure } from "../database/run-text.ts";
import { ownSettings } from "../database/own-settings.ts";
import { guardSettings, resetStatements } from "../database/session.ts";
import { roleSettings } from "../database/role-settings.ts";
import { codeOf } from "../database/sqlstate.ts";
import { queryTogether, sendStatements } from "../database/transaction.ts";
import { AppError } from "../errors.ts";
import { literal } from "./literal.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import { holdsLock, withoutNotices } from "./lock.ts";
import type { PreparedMigration } from "./prepare.ts";
import type { RecordedTexts, RunContext } from "./run-context.ts";
import { assertRecorded, markNameSql, writesOneRowEach } from "./applied-names.ts";
import { ledgerNotWritten } from "./ledger-not-written.ts";
import { insertRunSql, type RunRecord, type Write } from "./run-record.ts";

/** A transaction that a migration may run in. */
export type Opened = Readonly<OpenedRow>;

interface OpenedRow extends QueryResultRow {
  xid: string;
  /** Whether we still held the lock when it was opened. */
  held: boolean;
  /** What a new session would have been given, as `roleSettings` has it. */
  settings: string | null;
}

/** Opens a transaction in a clean session, in one message save for a transaction of another kind. */
export async function openTransaction(context: RunContext, migration: PreparedMigration): Promise<Opened> {
  const { session } = context;
  const statements = openStatements(context, migration);
  if (!migration.transactionModes) return (await queryTogether<OpenedRow>(session, statements))!;
  // In one message with BEGIN, what cleans the session would be the first query of the transaction, and its level final.
  const begin = statements.findIndex((statement) => statement.startsWith("BEGIN"));
  await queryTogether(session, statements.slice(0, begin));
  return (await queryTogether<OpenedRow>(session, statements.slice(begin)))!;
}

/**
 * Commits, and opens the transaction of the next migration in the same message.
 *
 * @returns undefined when there is none, or it could not be opened
 * @throws what the server says of COMMIT
 */
export async function commitAndOpen(
  context: RunContext,
  next: PreparedMigration | undefined,
): Promise<Opened | undefined> {
  const opening = next === undefined ? [] : openStatements(context, next);
  try {
    return await sendStatements<OpenedRow>(context.session, ["COMMIT", ...opening]);
  } catch (error) {
    if (!(error instanceof TextFailure)) throw error;
    if (error.completed === 0) throw error.cause;
    return undefined;
  }
}

/** The statements before BEGIN are part of the transaction, and are undone with it. */
function openStatements(
  { session, lockKey, lockTimeout }: RunContext,
  { file, direction, directives, keepsNobodyWaiting, transactionModes = "" }: PreparedMigration,
): readonly string[] {
  const patience = directives.lockTimeout ?? (keepsNobodyWaiting ? 0 : lockTimeout);
  return [
    ...resetStatements(session, `migrate ${direction} ${file.name}`),
    `BEGIN${transactionModes}`,
    withoutNotices,
    `SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text AS xid, ${holdsLock(lockKey)} AS held, ${roleSettings} AS settings`,
    "SET LOCAL client_min_messages TO DEFAULT",
    `SET LOCAL lock_timeout = ${patience}`,
    `SET LOCAL statement_timeout = ${directives.statementTimeout ?? 0}`,
  ];
}

/** Back to our own role and settings, still inside the transaction, before the ledger is written. */
export function leaveStatements({ session }: RunContext): readonly string[] {
  return [
    "RESET SESSION AUTHORIZATION",
    "RESET ROLE",
    "RESET ALL",
    // RESET ALL has taken the guards away, and we may be killed while triggers, the ledger or COMMIT keep us waiting.
    ...guardSettings(session),
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL statement_timeout = 0",
    fireDeferred,
    // It takes effect at COMMIT; in the next transaction it would be too late.
    "UNLISTEN *",
    ...ownSettings,
  ];
}

/** What a migration has deferred to the end of its transaction runs under the role's own settings, not under ours. */
export const fireDeferred = "SET CONSTRAINTS ALL IMMEDIATE";

/** Fails outside the transaction with this id. */
export function assertTransaction(xid: string): string {
  return `SELECT 1 / (coalesce(pg_current_xact_id_if_assigned()::text, '') = '${xid}')::int`;
}

/** Fails without the migration lock. */
export function assertLock({ lockKey }: RunContext): readonly string[] {
  return [withoutNotices, lockAssertion(lockKey)];
}

function lockAssertion(lockKey: bigint): string {
  return `SELECT 1 / (${holdsLock(lockKey)})::int`;
}

/** When the first attempt at a migration began, and which one this is. */
export interface Attempt {
  readonly number: number;
  readonly firstStarted: Date;
}

/**
 * What records a migration that has run in a transaction: our row and that of node-pg-migrate, in one statement that
 * fails unless both were written, and a look at them behind it.
 */
export function recordStatements(
  { tables, waitedMs }: RunContext,
  { file, direction, directives }: PreparedMigration,
  { up, down, intent }: RecordedTexts,
  { number, firstStarted }: Attempt,
): readonly string[] {
  const run: RunRecord = {
    file,
    direction,
    state: direction === "up" ? "applied" : "reverted",
    intent,
    upText: up,
    downText: down,
    directives,
    statementsDone: 0,
    statementsTotal: undefined,
    attempts: number,
    waitedMs,
    startedAt: number === 1 ? "transaction" : firstStarted,
  };
  return [
    writesOneRowEach([
      insertRunSql(tables, run, writeLiteral),
      markNameSql(tables, file.name, direction, writeLiteral),
    ]),
    assertRecorded(tables, file.name, direction, writeLiteral),
    "RESET client_min_messages",
  ];
}

export const writeLiteral: Write = (value) => (typeof value === "number" ? String(value) : literal(value));

/** The lock was not there any more when it was time to record a migration. */
export class LockGivenUp extends Error {
  constructor() {
    super("the migration lock was lost while the migration was recorded");
    this.name = "LockGivenUp";
  }
}

const divisionByZero = "22012";
const undefinedTable = "42P01";

/**
 * Sends statements of ours behind a migration, in one message.
 *
 * @throws AppError `migration-failed` when the migration has ended its transaction, or dropped the ledger; `LockGivenUp`;
 *   otherwise what the server says
 */
export async function sendBehind(
  { session, tables, lockKey }: RunContext,
  statements: readonly string[],
  xid: string,
): Promise<void> {
  try {
    await sendStatements(session, statements);
  } catch (error) {
    if (!(error instanceof TextFailure)) throw error;
    const code = codeOf(error.cause);
    const failed = statements[error.completed];
    if (failed === fireDeferred) throw error.cause;
    if (code === divisionByZero && failed === assertTransaction(xid)) throw endedTransaction();
    if (code === divisionByZero && failed === lockAssertion(lockKey)) throw new LockGivenUp();
    // With a context it is a table that a trigger on ours asks for.
    if (code === undefinedTable && !hasContext(error.cause)) throw droppedLedger(tables);
    throw ledgerNotWritten(tables, error.cause);
  }
}

function hasContext(error: unknown): boolean {
  return typeof (error as { where?: unknown }).where === "string";
}

function endedTransaction(): AppError {
  return new AppError(
    "migration-failed",
    "the migration ended its own transaction (COMMIT or ROLLBACK inside); take that out of it",
    { details: { endedTransaction: true } },
  );
}

function droppedLedger({ schema }: LedgerTables): AppError {
  return new AppError(
    "migration-failed",
    `the migration dropped Headgate's ledger in schema "${schema}", so that it could not be recorded. Leave its tables alone; MIGRATIONS_SCHEMA keeps them in a schema of their own`,
  );
}
