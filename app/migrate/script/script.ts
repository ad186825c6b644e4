import type { SettingValues } from "../../config/settings.ts";
import { ownSettings } from "../../database/own-settings.ts";
import { AppError, messageOf } from "../../errors.ts";
import { version as headgateVersion } from "../../version.ts";
import { collectStepsOffline } from "../code-migration.ts";
import { filesInvalid } from "../files.ts";
import { consentSql } from "../foreign/consent.ts";
import { writeLiteral } from "../transaction-messages.ts";
import { ledgerTables } from "../ledger-tables.ts";
import { migrationsDirectory } from "../migration-session.ts";
import type { Step } from "../run-steps.ts";
import { isParseFailure, largestParsed, splitStatements } from "../statements.ts";
import { assertHistory, makeLedger, releaseLock, takeLock, type Expectation } from "./guard.ts";
import { block, literal } from "./quoting.ts";
import { comment, outsideSql, resetSql, transactionSql, type StepSettings } from "./render-step.ts";

/** What a script is made of. */
export interface ScriptSteps {
  readonly direction: "up" | "down";
  readonly steps: readonly Step[];
  /** Names that must be applied where the script begins. */
  readonly applied: readonly string[];
  /** Names that may be: deferred ones, and those of newer images. */
  readonly tolerated: readonly string[];
  /** Pending migrations that it leaves out. */
  readonly deferred: readonly string[];
  /** The script makes the ledger in a database with tables of others: what a setting has consented to. */
  readonly consent?: string | undefined;
}

export interface RenderOptions {
  /** Also what TypeScript and JavaScript migrations ask node-pg-migrate's builder for: their functions are called. */
  readonly allowCode?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Script {
  readonly sql: string;
  readonly migrations: readonly ScriptMigration[];
  readonly codeMigrations: readonly ScriptCodeMigration[];
  readonly deferred: readonly string[];
  /** Sentences for a person, with the migration that each is about. */
  readonly warnings: readonly { readonly name: string; readonly text: string }[];
}

export interface ScriptMigration {
  readonly version: string;
  readonly name: string;
  readonly direction: "up" | "down";
  readonly kind: "sql" | "code";
}

export interface ScriptCodeMigration {
  readonly name: string;
  readonly rendered: boolean;
  /** Why it is not part of the script. */
  readonly reason: string | null;
}

/**
 * A script for psql that does what a run of these steps does: transactions, time-outs, a clean session for each
 * migration, both tables of the ledger. It stops at its first error, and where a migration in code stands that it does
 * not hold.
 *
 * @throws AppError `migration-files-invalid` for a text that PostgreSQL's parser refuses: in a script it could swallow
 *   what follows it; `history-conflict` for a statement that was interrupted, which only a run can judge; what a
 *   migration in code throws
 */
export async function renderScript(
  config: Pick<
    SettingValues,
    "migrationsDirectory" | "migrationsSchema" | "migrationsTable" | "lockWait" | "lockTimeout"
  >,
  scriptSteps: ScriptSteps,
  options: RenderOptions = {},
): Promise<Script> {
  const { direction, steps, deferred } = scriptSteps;
  await assertSound(migrationsDirectory(config), steps);
  const tables = ledgerTables(config);
  const settings: StepSettings = { tables, lockTimeout: config.lockTimeout };
  const codeMigrations: ScriptCodeMigration[] = [];
  const parts: string[] = [];
  for (const [index, step] of steps.entries()) {
    const { file, directives, text } = step.migration;
    parts.push(`\n${comment(`${index + 1}/${steps.length}: ${direction} ${file.name}`)}\n`);
    if (directives.secret) {
      const reason = "is marked as secret and not part of this script";
      codeMigrations.push({ name: file.name, rendered: false, reason });
      parts.push(stopAt(file.name, direction, reason));
      continue;
    }
    if (file.kind === "code") {
      const { texts, reason } = await renderCode(step, options);
      codeMigrations.push({ name: file.name, rendered: reason === null, reason });
      if (reason !== null) parts.push(stopAt(file.name, direction, reason));
      else parts.push(statements(await inCleanSession(step, await transactionSql(settings, step, texts))));
      continue;
    }
    const body = directives.noTransaction
      ? await outsideSql(settings, step)
      : await transactionSql(settings, step, text.trim() === "" ? [] : [text]);
    parts.push(statements(await inCleanSession(step, body)));
  }
  const { length } = steps;
  const title = `headgate ${headgateVersion}, migrate sql: ${direction}, ${length} ${length === 1 ? "migration" : "migrations"}`;
  const frame =
    length === 0
      ? [`${comment(title)}\n${comment("There is nothing to do.")}\n`]
      : [
          head(title),
          statements([
            ...resetSql(`migrate sql ${direction}`),
            ...ownSettings,
            takeLock(tables, config.lockWait),
            makeLedger(tables),
            assertHistory(tables, expectationOf(scriptSteps)),
            ...(scriptSteps.consent === undefined
              ? []
              : [consentSql(tables, scriptSteps.consent, writeLiteral)]),
          ]),
          ...parts,
          "\n",
          statements([
            ...resetSql(`migrate sql ${direction}`),
            ...ownSettings,
            releaseLock(tables),
            "RESET ALL",
          ]),
        ];
  return {
    sql: frame.join(""),
    migrations: steps.map(({ migration: { file } }) => ({
      version: file.versionText,
      name: file.name,
      direction,
      kind: file.kind,
    })),
    codeMigrations,
    deferred,
    warnings: [
      ...steps.flatMap(({ migration: { file, warnings } }) =>
        warnings.map((text) => ({ name: file.name, text })),
      ),
      ...codeMigrations.flatMap(({ name, reason }) => (reason === null ? [] : [{ name, text: reason }])),
      ...deferred.map((name) => ({ name, text: "is deferred and left out (--deferred)" })),
    ],
  };
}

/** Commands of psql, the only ones. Whoever runs the script with another program leaves these lines out. */
function head(title: string): string {
  return [
    comment(title),
    comment("Run it with psql, as the role that migrates: psql -q -f FILE. It stops at its first error."),
    "\\set ON_ERROR_STOP on",
    "\\set AUTOCOMMIT on",
    "\\set ON_ERROR_ROLLBACK off",
    "",
  ].join("\n");
}

async function inCleanSession({ migration }: Step, body: readonly string[]): Promise<string[]> {
  return [...resetSql(`migrate sql ${migration.direction} ${migration.file.name}`), ...body];
}

/** Comments stay what they are; everything else ends in a semicolon. */
function statements(lines: readonly string[]): string {
  return (
    lines.map((line) => (line.startsWith("-- ") && !line.includes("\n") ? line : `${line};`)).join("\n") +
    "\n"
  );
}

function expectationOf({ direction, steps, applied, tolerated }: ScriptSteps): Expectation {
  const names = steps.map(({ migration }) => migration.file.name);
  return {
    applied: direction === "up" ? applied : names,
    absent: direction === "up" ? names : [],
    tolerated,
    resumed: new Map(
      steps.flatMap(({ migration, unfinished }) =>
        unfinished === undefined ? [] : [[migration.file.name, unfinished.statementsDone] as const],
      ),
    ),
  };
}

/** In place of a migration that is not part of the script: going on behind it would break the order. */
function stopAt(name: string, direction: string, reason: string): string {
  const message = `headgate: ${name} ${reason}; run \`migrate ${direction}\` for it`;
  return `${comment(`${name} ${reason}.`)}\n${statements([block(`  RAISE EXCEPTION USING MESSAGE = ${literal(message)};`)])}`;
}

async function renderCode(
  { migration }: Step,
  { allowCode = false, signal }: RenderOptions,
): Promise<{ texts: readonly string[]; reason: string | null }> {
  const none = (reason: string): { texts: readonly string[]; reason: string } => ({ texts: [], reason });
  if (!allowCode) return none("is TypeScript or JavaScript and not part of this script (--allow-code)");
  if (migration.directives.noTransaction)
    return none("is TypeScript or JavaScript that runs outside a transaction and not part of this script");
  const texts = await collectStepsOffline(migration, signal).catch((error: unknown) => {
    throw error instanceof AppError
      ? error
      : new AppError(
          "migration-failed",
          `${migration.file.name} failed: ${messageOf(error)}. No script was made.`,
          {
            cause: error,
          },
        );
  });
  if (texts === undefined)
    return none(
      "asks the database (pgm.db), so what it does is decided when it runs, and not part of this script",
    );
  return { texts, reason: null };
}

/** @throws AppError `migration-files-invalid`, `history-conflict` */
async function assertSound(directory: string, steps: readonly Step[]): Promise<void> {
  const problems: string[] = [];
  for (const { migration, unfinished } of steps) {
    const { file, parseFailure, text } = migration;
    if (unfinished !== undefined && unfinished.statementStarted !== null) {
      throw new AppError(
        "history-conflict",
        `${file.name} was interrupted in the middle of statement ${unfinished.statementStarted + 1}, and what became of that only a run can find out: \`migrate ${migration.direction}\` finishes it.`,
      );
    }
    const failure = parseFailure ?? (await parsed(file.kind, text));
    if (failure !== undefined) problems.push(`${file.name} (${migration.direction}): ${failure.message}.`);
  }
  if (problems.length > 0) throw filesInvalid(directory, problems);
}

/** Larger texts are not looked at: one that does not end properly never gets to its COMMIT. */
async function parsed(kind: "sql" | "code", text: string): Promise<{ message: string } | undefined> {
  if (kind === "code" || text.length > largestParsed) return undefined;
  const result = await splitStatements(text);
  return isParseFailure(result) ? result : undefined;
}
