import { readStatus, type MigrationStatus, type StatusInvalidIndex } from "../../../app/migrate/status.ts";
import type { Command } from "../command.ts";
import { table, type TableRow } from "../table.ts";
import { countOf, moment, seconds, size, whoRan } from "../words.ts";

export const status: Command = {
  name: "status",
  summary: "show every migration and whether it is applied",
  description:
    "A table of all migrations: version, name, state, when and by whom it was applied and how long that took; below a row what is to be said about it, such as a changed or missing file, an invalid index, or a migration that this image does not know. Only reads, also from a standby.",
  exitCodes: [4, 7, 8],
  example: "migrate status --json",
  async run(context) {
    const report = await readStatus(context.config(), context);
    context.answer(report);
    for (const line of await table(heads, report.migrations.map(row))) context.say(line);
    for (const index of report.invalidIndexes) context.say(describeIndex(index));
    for (const sentence of report.leftOut) context.say(sentence);
    const { pending, deferred, ahead, conflicts } = report;
    const counts = [
      `${countOf(report.migrations.filter(({ state }) => state === "applied" || state === "ahead").length, "migration")} applied`,
      `${pending.length} pending`,
      ...(deferred.length > 0 ? [`${deferred.length} deferred`] : []),
      ...(ahead.length > 0 ? [`${ahead.length} ahead of this image`] : []),
      ...(conflicts.length > 0 ? [countOf(conflicts.length, "conflict")] : []),
    ];
    context.say(`${counts.join(", ")}; the schema is at ${report.current ?? "its beginning"}.`);
    return 0;
  },
};

const heads = ["VERSION", "NAME", "STATE", "APPLIED AT", "TOOK", "BY"];

function row({ version, name, state, appliedAt, ranMs, notes, ...who }: MigrationStatus): TableRow {
  return {
    cells: [
      version,
      name.replace(/^\d+_/, ""),
      state,
      appliedAt === null ? "" : moment(appliedAt),
      ranMs === null ? "" : seconds(ranMs),
      whoRan(who),
    ],
    notes,
  };
}

function describeIndex({ builtBy, isRequired, migration, ...index }: StatusInvalidIndex): string {
  const which = `The index ${index.name} on ${index.table} (${size(index.bytes)})`;
  if (builtBy !== null) return `${which} is being built by pid ${builtBy}.`;
  if (isRequired)
    return `${which} is invalid, and something is made of it: REINDEX INDEX CONCURRENTLY ${index.name}.`;
  return migration === null
    ? `${which} is invalid: its build was interrupted or failed. \`migrate repair\` drops it.`
    : `${which} is invalid: ${migration} was interrupted or failed while it built it. The next run of that migration builds it again.`;
}
