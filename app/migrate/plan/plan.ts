import { basename } from "node:path";
import type { Config } from "../../config/settings.ts";
import { readKnownMigrationsInSlices } from "../known-migrations.ts";
import { readLedger } from "../ledger.ts";
import { countSeverities, type Finding } from "../lint/finding.ts";
import { withMigrationSession } from "../migration-session.ts";
import type { Step } from "../run-steps.ts";
import {
  isParseFailure,
  largestParsed,
  parseStatements,
  skipComments,
  type ParsedStatement,
} from "../statements.ts";
import { planUp } from "../up.ts";
import type { RunOptions } from "../with-lock.ts";
import type { Plan, PlannedMigration, PlannedStatement, PlannedTable, PlanTotal } from "./document.ts";
import { readLintFindings } from "./lint-findings.ts";
import { blocksWriters } from "./lock-levels.ts";
import { readPlannedSchema } from "./read-schema.ts";
import type { PlannedSchema } from "./schema.ts";
import { statementEffects } from "./statement-effects.ts";
import { noEffects, touch, type Effects, type TableTouch } from "./table-touches.ts";
import { typesIn, wordsIn } from "./tree.ts";

export interface PlanOptions extends RunOptions {
  readonly to?: bigint | undefined;
  readonly limit?: number | undefined;
  /** Plans the deferred migrations, and no others. */
  readonly deferred?: boolean;
  readonly allowOutOfOrder?: boolean;
}

/**
 * What `up` would run now, and what each statement does to the tables of this database. Only reads, and needs no
 * privilege beyond reading the ledger.
 *
 * @throws AppError as `migrateUp` does before it changes anything
 */
export async function readPlan(config: Config, options: PlanOptions = {}): Promise<Plan> {
  const reading = readKnownMigrationsInSlices(config);
  const { signal, listener, to, limit, allowOutOfOrder = false } = options;
  return await withMigrationSession(
    config,
    { activity: "migrate plan", readOnly: true, signal, listener, meanwhile: reading },
    async (database) => {
      const { session, tables } = database;
      const known = await reading;
      const ledger = await readLedger(session.client, tables);
      const { steps, deferred } = await planUp(config, database, known, ledger, {
        to,
        limit,
        allowOutOfOrder,
        ...(listener === undefined ? {} : { listener }),
        deferred: options.deferred ? "only" : undefined,
      });
      const { words, types } = await namesIn(steps);
      const schema = await readPlannedSchema(session, [...words], [...types]);
      const findings = await readLintFindings(config, steps, session, signal);
      return {
        ...(await describePlan(config, schema, steps, findings)),
        deferred: options.deferred ? [] : deferred.map(({ name }) => name),
      };
    },
  );
}

/** The trees are not kept: of many large files they would take more memory than a small container has. */
async function namesIn(steps: readonly Step[]): Promise<{ words: Set<string>; types: Set<string> }> {
  const [words, types] = [new Set<string>(), new Set<string>()];
  for (const step of steps)
    for (const { tree } of (await statementsOf(step)).statements) {
      wordsIn(tree, words);
      typesIn(tree, types);
    }
  return { words, types };
}

async function statementsOf({
  migration: { file, text },
}: Step): Promise<{ statements: readonly ParsedStatement[]; why?: string }> {
  if (file.kind === "code")
    return { statements: [], why: "what TypeScript or JavaScript does is decided when it runs" };
  if (text.length > largestParsed)
    return {
      statements: [],
      why: `it has more than ${largestParsed / 1024} KiB and is not taken apart here: what it does is decided when it runs`,
    };
  const parsed = await parseStatements(text);
  if (isParseFailure(parsed)) return { statements: [], why: `it will fail: ${parsed.message}` };
  return { statements: parsed };
}

/** Follows the statements through the schema, which changes on the way. */
async function describePlan(
  config: Pick<Config, "lockTimeout" | "retries">,
  schema: PlannedSchema,
  steps: readonly Step[],
  findings: ReadonlyMap<string, readonly Finding[]>,
): Promise<Omit<Plan, "deferred">> {
  const migrations: PlannedMigration[] = [];
  const { searchPath } = schema;
  for (const step of steps) {
    schema.searchPath = searchPath;
    const { statements, why } = await statementsOf(step);
    const done = step.unfinished?.statementsDone ?? 0;
    const all = noEffects();
    if (why !== undefined) all.undecided.add(why);
    const planned: PlannedStatement[] = [];
    for (const { tree, line, text } of statements.slice(done)) {
      const effects = statementEffects(schema, tree);
      // Under the name that each table had when it was met: later statements may rename it.
      for (const [key, found] of effects.touches) {
        if (all.touches.has(key)) touch(all, key, found.lock, found);
        else all.touches.set(key, { ...found });
      }
      for (const reason of effects.undecided) all.undecided.add(reason);
      planned.push({
        line,
        text: beginningOf(text),
        tables: [...effects.touches.values()].map(toTable),
        undecided: [...effects.undecided],
        notes: [...effects.notes],
      });
    }
    migrations.push(describeMigration(config, step, all, planned, findings));
  }
  return { migrations, total: totalOf(migrations) };
}

function describeMigration(
  config: Pick<Config, "lockTimeout" | "retries">,
  { migration, unfinished }: Step,
  { touches, undecided }: Effects,
  statements: readonly PlannedStatement[],
  findings: ReadonlyMap<string, readonly Finding[]>,
): PlannedMigration {
  const { file, directives, path, warnings, keepsNobodyWaiting } = migration;
  const tables = [...touches.values()].map(toTable);
  const { noTransaction, deferred, breaking, repeatUntilZero } = directives;
  return {
    version: file.versionText,
    name: file.name,
    file: basename(path),
    kind: file.kind,
    directives: {
      noTransaction,
      deferred,
      breaking,
      irreversible: directives.irreversible ?? null,
      repeatUntilZero: repeatUntilZero === undefined ? null : { pauseMs: repeatUntilZero.pause },
      lockTimeoutMs: directives.lockTimeout ?? (keepsNobodyWaiting ? 0 : config.lockTimeout),
      statementTimeoutMs: directives.statementTimeout ?? null,
      retries: directives.retries ?? config.retries,
    },
    down:
      directives.irreversible !== undefined
        ? "irreversible"
        : file.downPath === undefined
          ? "missing"
          : "reverts",
    resumesAt: unfinished === undefined ? null : unfinished.statementsDone + 1,
    tables,
    statements,
    readersWait: tables.some(({ readersWait }) => readersWait),
    writersWait: tables.some(({ writersWait }) => writersWait),
    undecided: [...undecided],
    notes: warnings,
    findings: findings.get(file.name) ?? [],
  };
}

function toTable({
  relation,
  name,
  lock,
  scans,
  rewrites,
  readersWait,
  partitions,
}: TableTouch): PlannedTable {
  const exists = relation !== undefined && !relation.isNew;
  return {
    table: name,
    state: relation === undefined ? "unknown" : relation.isNew ? "new" : "existing",
    rows: relation?.rows ?? null,
    bytes: relation?.bytes ?? null,
    partitions,
    lock,
    scans,
    rewrites,
    readersWait: exists && readersWait,
    writersWait: exists && (readersWait || blocksWriters(lock)),
  };
}

function totalOf(migrations: readonly PlannedMigration[]): PlanTotal {
  const tables = migrations.flatMap((migration) => migration.tables);
  const names = (which: (table: PlannedTable) => boolean): string[] => [
    ...new Set(tables.filter(which).map(({ table }) => table)),
  ];
  const bytes = (which: (table: PlannedTable) => boolean): number =>
    tables.filter(which).reduce((sum, table) => sum + (table.bytes ?? 0), 0);
  return {
    migrations: migrations.length,
    readersWait: names(({ readersWait }) => readersWait),
    writersWait: names(({ writersWait }) => writersWait),
    scannedBytes: bytes(({ scans, rewrites }) => scans && !rewrites),
    rewrittenBytes: bytes(({ rewrites }) => rewrites),
    undecided: migrations.filter(({ undecided }) => undecided.length > 0).map(({ name }) => name),
    findings: countSeverities(migrations.flatMap(({ findings }) => findings)),
  };
}

/** Without the comments in front, and never the whole: it may hold data. */
function beginningOf(text: string): string {
  const start = text.slice(skipComments(text)).slice(0, 400).replaceAll(/\s+/g, " ").trim();
  return start.length > 80 ? `${start.slice(0, 79)}…` : start;
}
