/** From the mildest to the gravest. */
export const severities = ["note", "warning", "error"] as const;

/**
 * `error`: fails in this runner, or must not be run. `warning`: makes readers or writers wait, breaks clients, or does
 * something other than it seems to. `note`: a matter of style, or worth knowing.
 */
export type Severity = (typeof severities)[number];

/** What one rule says of one place. */
export interface Finding {
  /** The path of the file, as the folder of migrations was given. */
  readonly file: string;
  readonly direction: "up" | "down";
  /** From 1. */
  readonly line: number;
  /** In characters, from 1. */
  readonly column: number;
  readonly rule: string;
  readonly severity: Severity;
  readonly message: string;
  /** What to do instead; undefined where the message says it. */
  readonly help: string | undefined;
  /** The line, cut when it is long, and a caret below the place. */
  readonly excerpt: readonly string[];
}

/** What a rule remarks, before it is known whether the file allows it. */
export interface Remark<Rule extends string = string> {
  readonly rule: Rule;
  /** Where in the text, in UTF-16 units. */
  readonly offset: number;
  readonly message: string;
  /** A rule of squawk's that says the same, and up to where. */
  readonly insteadOf?: { readonly rule: string; readonly end: number };
}

/** What a rule's severity becomes in a file that reverts a migration. */
export type InDown = "same" | "note" | "off";

/** How many findings there are of each severity. */
export type SeverityCounts = Readonly<Record<Severity, number>>;

export function countSeverities(findings: readonly Pick<Finding, "severity">[]): SeverityCounts {
  const counts = { error: 0, warning: 0, note: 0 };
  for (const { severity } of findings) counts[severity] += 1;
  return counts;
}

export function isAtLeast(severity: Severity, bar: Severity): boolean {
  return severities.indexOf(severity) >= severities.indexOf(bar);
}
