import type { PlannedMigration, PlannedTable } from "../../../app/migrate/plan/document.ts";
import { versionNumber, wholeNumber } from "../arguments.ts";
import type { Command } from "../command.ts";
import { table, type TableRow } from "../table.ts";
import { amount, countOf, seconds } from "../words.ts";

export const plan: Command = {
  name: "plan",
  summary:
    "show what `up` would do to which tables: locks, sizes, scans, rewrites, and who waits; nothing is changed",
  flags: {
    to: { value: "VERSION", description: "none above this version" },
    n: { short: "n", value: "N", description: "at most N migrations", aliases: ["num-steps", "steps"] },
    deferred: { description: "what `migrate deferred` would run" },
    "allow-out-of-order": { description: "also migrations with a lower number than an applied one" },
    "exit-code": { description: "exit 3 when something is pending" },
  },
  example: "migrate plan --to 000012",
  async run(context) {
    const { flags } = context;
    // Loaded here: `migrate up`, which every start of a container runs, must not pay for it.
    const { readPlan } = await import("../../../app/migrate/plan/plan.ts");
    const found = await readPlan(context.config(), {
      limit: typeof flags["n"] === "string" ? wholeNumber(plan, "-n", flags["n"]) : undefined,
      to: typeof flags["to"] === "string" ? versionNumber(plan, "--to", flags["to"]) : undefined,
      deferred: flags["deferred"] === true,
      allowOutOfOrder: flags["allow-out-of-order"] === true,
      signal: context.signal,
      listener: context.listener,
    });
    context.answer(found);
    for (const migration of found.migrations) for (const line of await describe(migration)) context.say(line);
    const { total, deferred } = found;
    if (total.migrations === 0) context.say("Nothing is pending.");
    else {
      context.say(`Plan: ${countOf(total.migrations, "migration")} to apply.`);
      context.say(`  readers wait for   ${total.readersWait.join(", ") || "nothing"}`);
      context.say(`  writers wait for   ${total.writersWait.join(", ") || "nothing"}`);
      context.say(`  read whole         ${amount(total.scannedBytes)}`);
      context.say(`  rewritten          ${amount(total.rewrittenBytes)}`);
      if (total.undecided.length > 0)
        context.say(`  decided when run   parts of ${total.undecided.join(", ")}`);
      if (total.findings > 0) context.say(`  lint               ${countOf(total.findings, "finding")}`);
    }
    if (deferred.length > 0)
      context.say(`${countOf(deferred.length, "deferred migration")} left out: ${deferred.join(", ")}.`);
    return flags["exit-code"] === true && total.migrations > 0 ? 3 : 0;
  },
};

const heads = ["TABLE", "LOCK", "ROWS", "SIZE", "WORK", "WHO WAITS"];

async function describe(migration: PlannedMigration): Promise<string[]> {
  const { name, tables, statements, undecided, notes, findings, down } = migration;
  const remarks = [
    ...statements.flatMap(({ line, notes: ofStatement }) =>
      ofStatement.map((note) => `line ${line}: ${note}`),
    ),
    ...statements.flatMap(({ line, undecided: ofStatement }) =>
      ofStatement.map((reason) => `line ${line}: ${reason}`),
    ),
    ...undecided.filter((reason) => !statements.some((statement) => statement.undecided.includes(reason))),
    ...notes,
    ...(down === "missing" ? ["has no down file"] : []),
    ...findings.map(
      ({ file, line, column, rule, severity, message }) =>
        `${severity} ${rule}: ${message} (${file}:${line}:${column})`,
    ),
  ];
  return [
    `${name} (${manner(migration)})`,
    ...(tables.length === 0
      ? []
      : (await table(heads, tables.map(row))).slice(0, -1).map((line) => `  ${line}`)),
    ...remarks.map((remark) => `  ! ${remark}`),
    "",
  ];
}

/** How it runs: the directives in force. */
function manner({ kind, directives, down, resumesAt }: PlannedMigration): string {
  const { noTransaction, deferred, breaking, irreversible, repeatUntilZero, lockTimeout, statementTimeout } =
    directives;
  return [
    ...(kind === "code" ? ["code"] : []),
    repeatUntilZero !== null
      ? `repeat-until-zero pause=${repeatUntilZero.pause}ms`
      : noTransaction
        ? "no-transaction"
        : "one transaction",
    ...(resumesAt === null ? [] : [`resumes at statement ${resumesAt}`]),
    ...(noTransaction || lockTimeout === 0 ? [] : [`lock-timeout ${seconds(lockTimeout)}`]),
    ...(statementTimeout === null ? [] : [`statement-timeout ${seconds(statementTimeout)}`]),
    ...(deferred ? ["deferred"] : []),
    ...(breaking ? ["breaking"] : []),
    ...(down === "irreversible" ? [`irreversible: ${irreversible}`] : []),
  ].join(", ");
}

function row(planned: PlannedTable): TableRow {
  const { table: name, state, rows, bytes, partitions, lock, scans, rewrites } = planned;
  const isThere = state === "existing";
  return {
    cells: [
      name + (partitions === 0 ? "" : ` and ${countOf(partitions, "partition")}`),
      lock,
      isThere ? (rows === null ? "?" : `~${Math.round(rows)}`) : state,
      isThere ? (bytes === null ? "?" : amount(bytes)) : "",
      rewrites ? "rewritten" : scans ? "read whole" : "",
      planned.readersWait ? "readers and writers" : planned.writersWait ? "writers" : "",
    ],
    notes: [],
  };
}
