import type { InDown } from "../../app/migrate/lint/finding.ts";
import { lintRules, type LintRule } from "../../app/migrate/lint/rules.ts";
import { squawkRules } from "../../app/migrate/lint/squawk-rules.ts";
import { markdownTable } from "./markdown-table.ts";

/** Our rules, as docs/lint.md shows them. */
export function lintTable(): string {
  const rules: [string, LintRule][] = Object.entries(lintRules);
  return markdownTable(
    ["rule", "severity", "in a down", "finds", "what to do"],
    rules.map(([name, { severity, inDown, about, help }]) => [
      `\`${name}\``,
      severity,
      shown(severity, inDown),
      about,
      help,
    ]),
  ).join("\n");
}

/** What becomes of squawk's rules. */
export function squawkTable(): string {
  return markdownTable(
    ["rule of squawk", "severity", "in a down", "why"],
    Object.entries(squawkRules).map(([name, { severity, inDown, why }]) => [
      `\`${name}\``,
      severity,
      shown(severity, inDown),
      why,
    ]),
  ).join("\n");
}

function shown(severity: string, inDown: InDown): string {
  return inDown === "same" ? severity : inDown;
}
