import { relative } from "node:path";
import type { Finding, Severity, SeverityCounts } from "../../app/migrate/lint/finding.ts";
import type { LintReport } from "../../app/migrate/lint/lint-migrations.ts";
import { countOf } from "./words.ts";

/** As seen from a folder, the current one unless given; whole where it stands elsewhere. */
export function readablePath(path: string, from: string = process.cwd()): string {
  const seen = relative(from, path);
  return seen.startsWith("..") ? path : seen;
}

/** A finding as it stands in a JSON answer. */
export function findingForAnswer(finding: Finding): object {
  return { ...finding, file: readablePath(finding.file), help: finding.help ?? null };
}

/** A finding for people: place, severity and message in one line that an editor can follow, the line itself, help. */
export function showFinding({
  file,
  line,
  column,
  rule,
  severity,
  message,
  help,
  excerpt,
}: Finding): string[] {
  return [
    `${readablePath(file)}:${line}:${column}: ${severity}: ${message} [${rule}]`,
    ...excerpt,
    ...(help === undefined ? [] : [`  help: ${help}`]),
  ];
}

const annotations = { error: "error", warning: "warning", note: "notice" } as const satisfies Record<
  Severity,
  string
>;

/**
 * A command of GitHub's workflow runner that marks the place in a pull request.
 *
 * @param workspace the folder of the checkout, from which GitHub counts paths; the current one unless given
 */
export function githubAnnotation(
  { file, line, column, rule, severity, message, help }: Finding,
  workspace: string | undefined,
): string {
  const path = readablePath(file, workspace || process.cwd()).replaceAll("\\", "/");
  const properties = Object.entries({ file: path, line, col: column, title: rule })
    .map(([name, value]) => `${name}=${escapeProperty(String(value))}`)
    .join(",");
  return `::${annotations[severity]} ${properties}::${escapeData(help === undefined ? message : `${message}\n${help}`)}`;
}

/** Source: the escaping of @actions/core for the text behind `::`. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

export function lintSummary({ files, counts, serverVersion }: LintReport): string {
  return `${countOf(files, "file")} judged for PostgreSQL ${serverVersion}: ${showCounts(counts)}.`;
}

/** `0 errors, 1 warning, 2 notes`. */
export function showCounts({ error, warning, note }: SeverityCounts): string {
  return [countOf(error, "error"), countOf(warning, "warning"), countOf(note, "note")].join(", ");
}
