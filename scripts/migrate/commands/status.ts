import { readStatus, type MigrationStatus } from "../../../app/migrate/status.ts";
import type { Command } from "../command.ts";
import { countOf, seconds } from "../words.ts";

export const status: Command = {
  name: "status",
  summary: "show every migration and whether it is applied",
  example: "migrate status --json",
  async run(context) {
    const report = await readStatus(context.config(), context);
    context.answer(report);
    for (const line of table(report.migrations)) context.say(line);
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

const heads = ["VERSION", "NAME", "STATE", "APPLIED AT", "TOOK", "BY"] as const;

function table(migrations: readonly MigrationStatus[]): string[] {
  const rows = migrations.map(({ version, name, state, appliedAt, ranMs, role, host }) => [
    version,
    name.replace(/^\d+_/, ""),
    state,
    appliedAt === null ? "" : appliedAt.replace("T", " ").replace(/\.\d+Z$/, "Z"),
    ranMs === null ? "" : seconds(ranMs),
    role === null ? "" : `${role}@${host ?? "?"}`,
  ]);
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]!.length)),
  );
  const format = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd();
  return [
    format(heads),
    ...rows.flatMap((row, index) => [format(row), ...migrations[index]!.notes.map((note) => `  ! ${note}`)]),
    "",
  ];
}
