import type { KnownMigration } from "./history.ts";
import { readMigrationText } from "./migration-text.ts";
import { findSectionMarks } from "./section-marks.ts";
import { ownText } from "./section-text.ts";

/**
 * By name, a note on each file of SQL that says of a part of itself that it reverts: a pending one is refused, an applied
 * one did run as a whole.
 */
export async function readAppliedMarks(applied: readonly KnownMigration[]): Promise<Map<string, string>> {
  const notes = new Map<string, string>();
  for (const file of applied) {
    const content = file.kind === "sql" ? readMigrationText(file.upPath) : "";
    if (typeof content === "string") continue;
    const marks = await findSectionMarks(ownText(file, "up", content.text));
    const mark = marks.find(({ direction }) => direction === "down");
    if (mark !== undefined)
      notes.set(
        file.name,
        `the whole of its file counts as up, though line ${mark.line}, "${mark.text}", begins a part that reverts`,
      );
  }
  return notes;
}
