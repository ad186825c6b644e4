import type { PlannedMigration, PlannedTable } from "../../../app/migrate/plan/document.ts";
import { isAtLeast } from "../../../app/migrate/lint/finding.ts";
import { migrationCount, versionNumber } from "../arguments.ts";
import type { Command } from "../command.ts";
import { findingForAnswer, showCounts } from "../lint-output.ts";
import { table, type TableRow } from "../table.ts";
import { countOf, grouped, seconds, size } from "../words.ts";

export const plan: Command = {
  name: "plan",
  summary:
    "show what `up` would do to which tables: locks, sizes, scans, rewrites, and who waits; nothing is changed",
  description:
    "For each pending migration: the strongest lock that it takes on each table, how many rows the table has and how big it is, whether it is read whole or written anew, whether readers or writers wait for it, and what `migrate lint` says of the file. The statements are followed one by one through the schema that the database has now, so that a table made by the first migration is new to the second. What is decided only when it runs (DO, CALL, triggers, functions of your own, TypeScript) is named as such, not guessed.\n\nRow counts and sizes are the server's estimates. Only reads, with a role that may read the ledger, and waits for nobody.",
  arguments: "[N]",
  flags: {
    to: { value: "VERSION", description: "none above this version" },
    n: { short: "n", value: "N", description: "at most N migrations", aliases: ["num-steps", "steps"] },
    deferred: { description: "what `migrate deferred` would run" },
    "allow-out-of-order": { description: "also migrations with a lower number than an applied one" },
    "exit-code": { description: "exit 3 when something is pending" },
  },
  exitCodes: [[3, "something is pending, with --exit-code"], 4, 7, 8, 9],
  example: "migrate plan",
  examples: ["migrate plan --to 000012", "migrate plan --deferred --json"],
  async run(context) {
    const { flags } = context;
    // Loaded here: `migrate up`, which every start of a container runs, must not pay for it.
    const { readPlan } = await import("../../../app/migrate/plan/plan.ts");
    const found = await readPlan(context.config(), {
      limit: migrationCount(plan, context),
      to: typeof flags["to"] === "string" ? versionNumber(plan, "--to", flags["to"]) : undefined,
      deferred: flags["deferred"] === true,
      allowOutOfOrder: flags["allow-out-of-order"] === true,
      signal: context.signal,
      listener: context.listener,
    });
    context.answer({
      ...found,
      migrations: found.migrations.map((each) => ({
        ...each,
        findings: each.findings.map(findingForAnswer),
      })),
    });
    for (const migration of found.migrations) for (const line of await describe(migration)) context.say(line);
    const { total, deferred } = found;
    if (total.migrations === 0) context.say("Nothing is pending.");
    else {
      context.say(`Plan: ${countOf(total.migrations, "migration")} to apply.`);
      context.say(`  readers wait for   ${total.readersWait.join(", ") || "nothing"}`);
      context.say(`  writers wait for   ${total.writersWait.join(", ") || "nothing"}`);
      context.say(`  read whole         ${size(total.scannedBytes)}`);
      context.say(`  rewritten          ${size(total.rewrittenBytes)}`);
      if (total.undecided.length > 0)
        context.say(`  decided when run   parts of ${total.undecided.join(", ")}`);
      context.say(`  lint               ${showCounts(total.findings)}`);
    }
    if (deferred.length > 0)
      context.say(`${countOf(deferred.length, "deferred migration")} left out: ${deferred.join(", ")}.`);
    return flags["exit-code"] === true && total.migrations > 0 ? 3 : 0;
  },
};

const heads = ["TABLE", "LOCK", "ROWS", "SIZE", "WORK", "WHO WAITS"];

async function describe(migration: PlannedMigration): Promise<string[]> {
  const { name, statements, undecided, notes, findings } = migration;
  const rows = rowsOf(migration);
  const remarks = [
    ...statements.flatMap((statement) =>
      [...statement.notes, ...statement.undecided].map((remark) => `line ${statement.line}: ${remark}`),
    ),
    ...undecided.filter((reason) => !statements.some((statement) => statement.undecided.includes(reason))),
    ...notes,
    // Notes are matters of style: `migrate lint` tells them.
    ...findings
      .filter((finding) => isAtLeast(finding.severity, "warning"))
      .map(({ line, rule, severity, message }) => `line ${line}: ${severity}: ${message} [${rule}]`),
  ];
  return [
    `${name} (${manner(migration)})`,
    ...(rows.length === 0 ? [] : (await table(heads, rows)).slice(0, -1).map((line) => `  ${line}`)),
    ...remarks.map((remark) => `  ! ${remark}`),
    "",
  ];
}

/** How it runs: the directives in force. */
function manner({ kind, directives, down, resumesAt }: PlannedMigration): string {
  const {
    noTransaction,
    deferred,
    breaking,
    irreversible,
    repeatUntilZero,
    lockTimeoutMs,
    statementTimeoutMs,
  } = directives;
  return [
    ...(kind === "code" ? ["code"] : []),
    repeatUntilZero !== null
      ? `repeat-until-zero pause=${repeatUntilZero.pauseMs}ms`
      : noTransaction
        ? "no-transaction"
        : "one transaction",
    ...(resumesAt === null ? [] : [`resumes at statement ${resumesAt}`]),
    ...(noTransaction || lockTimeoutMs === 0 ? [] : [`lock-timeout ${seconds(lockTimeoutMs)}`]),
    ...(statementTimeoutMs === null ? [] : [`statement-timeout ${seconds(statementTimeoutMs)}`]),
    ...(deferred ? ["deferred"] : []),
    ...(breaking ? ["breaking"] : []),
    ...(down === "irreversible" ? [`irreversible: ${irreversible}`] : []),
  ].join(", ");
}

/**
 * In a transaction all locks are held to its end, and the strongest counts. Outside, each statement stands for itself: what
 * reads a table whole may be another one than what locks it.
 */
function rowsOf({ directives, tables, statements }: PlannedMigration): TableRow[] {
  if (!directives.noTransaction) return tables.map(row);
  const rows = statements.flatMap((statement) => statement.tables.map(row));
  return [...new Map(rows.map((each) => [each.cells.join("\n"), each])).values()];
}

function row(planned: PlannedTable): TableRow {
  const { table: name, state, rows, bytes, partitions, lock, scans, rewrites } = planned;
  const isThere = state === "existing";
  return {
    cells: [
      name + (partitions === 0 ? "" : ` and ${countOf(partitions, "partition")}`),
      lock,
      isThere ? (rows === null ? "?" : `≈ ${grouped(rows)}`) : state,
      isThere ? (bytes === null ? "?" : size(bytes)) : "",
      rewrites ? "rewritten" : scans ? "read whole" : "",
      planned.readersWait ? "readers and writers" : planned.writersWait ? "writers" : "",
    ],
    notes: [],
  };
}
