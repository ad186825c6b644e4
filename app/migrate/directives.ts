import { closestTo } from "../config/closest.ts";
import { parseSetting } from "../config/parse-setting.ts";
import { linesOf as splitLines } from "./line-ends.ts";

/** What the first comment block of a migration asks for. Times are milliseconds. */
export interface Directives {
  readonly noTransaction: boolean;
  readonly lockTimeout: number | undefined;
  readonly statementTimeout: number | undefined;
  readonly retries: number | undefined;
  readonly repeatUntilZero: { readonly pause: number } | undefined;
  readonly deferred: boolean;
  readonly breaking: boolean;
  readonly irreversible: string | undefined;
  /** The ledger keeps the checksum alone: no text of the file, which holds a password for example. */
  readonly secret: boolean;
  /** Why a statement that commits by itself (CALL, DO) may be run again from its beginning after an interruption. */
  readonly repeatableStatements: string | undefined;
  /** Lint rules silenced here, each with its reason. */
  readonly allow: ReadonlyMap<string, string>;
}

const known = [
  "no-transaction",
  "lock-timeout",
  "statement-timeout",
  "retries",
  "repeat-until-zero",
  "deferred",
  "breaking",
  "irreversible",
  "secret",
  "repeatable-statements",
  "allow",
] as const;

interface Draft {
  noTransaction: boolean;
  lockTimeout: number | undefined;
  statementTimeout: number | undefined;
  retries: number | undefined;
  repeatUntilZero: { pause: number } | undefined;
  deferred: boolean;
  breaking: boolean;
  irreversible: string | undefined;
  secret: boolean;
  repeatableStatements: string | undefined;
  allow: Map<string, string>;
}

/**
 * The directives of a migration: `-- migrate: …` lines (in code `// migrate: …`) of the comment lines that the text
 * begins with. `problems` gets a line, `file:line: …`, for each one that is unknown, misspelt or malformed. A directive
 * further down is a problem too: whoever wrote it believes that it counts.
 */
export function parseDirectives(
  text: string,
  kind: "sql" | "code",
  file: string,
  problems: string[],
): Directives {
  const result: Draft = {
    noTransaction: false,
    lockTimeout: undefined,
    statementTimeout: undefined,
    retries: undefined,
    repeatUntilZero: undefined,
    deferred: false,
    breaking: false,
    irreversible: undefined,
    secret: false,
    repeatableStatements: undefined,
    allow: new Map(),
  };
  const marker = kind === "sql" ? "--" : "//";
  const directive = kind === "sql" ? /^--\s*migrate\s*:\s*(.*)$/i : /^\/\/\s*migrate\s*:\s*(.*)$/i;
  let inHead = true;
  let lineNumber = 0;
  for (const line of linesOf(text)) {
    lineNumber += 1;
    const trimmed = line.trim();
    const match = directive.exec(trimmed);
    if (inHead) inHead = trimmed === "" || trimmed.startsWith(marker);
    const where = `${file}:${lineNumber}`;
    if (match === null) {
      const meant = blockDirective.exec(trimmed) ?? (inHead ? misspelt.exec(trimmed) : null);
      if (meant !== null)
        problems.push(
          `${where}: "${trimmed}" is not read as a directive; write: ${marker} migrate: ${meant[1]}.`,
        );
    } else if (!inHead && !/^(?:up|down)\b/i.test(match[1] ?? ""))
      problems.push(
        `${where}: the directive "${trimmed}" counts only in the comment that the file begins with; move it up.`,
      );
    else if (inHead)
      readDirective(match[1] ?? "", result, (problem) => problems.push(`${where}: ${problem}`));
  }
  if (result.repeatUntilZero !== undefined) result.noTransaction = true;
  return result;
}

/** A directive in a block comment. */
const blockDirective = new RegExp(String.raw`^(?:/\*+|\*)\s*migrate\s*:\s*(${known.join("|")})\b`, "i");
/** A comment that begins as a directive does; words with a hyphen are no prose. */
const misspelt =
  /^(?:--|\/\/)\s*migrat\w*\W{0,3}(no-transaction|lock-timeout|statement-timeout|repeat-until-zero)\b/i;

/** Lines in a big text, without a copy of it; a directive is never far from the top, but must not hide further down. */
function* linesOf(text: string): Generator<string> {
  if (!/migrat/i.test(text)) return;
  yield* splitLines(text);
}

function readDirective(body: string, result: Draft, report: (problem: string) => void): void {
  const [, name = "", value, rest = ""] = /^([A-Za-z-]*)(?:=(\S+))?\s*(.*)$/.exec(body) ?? [];
  const duration = (text: string | undefined, label: string): number | undefined => {
    const parsed = parseSetting("duration", text ?? "");
    if ("value" in parsed) return parsed.value as number;
    report(`${label} must be ${parsed.mustBe}.`);
    return undefined;
  };
  const plain = (): void => {
    if (value !== undefined) report(`${name} takes no value.`);
    nothingBehind();
  };
  const nothingBehind = (): void => {
    if (rest !== "") report(`"${rest}" behind ${name} is not understood; write one directive a line.`);
  };
  switch (name as (typeof known)[number]) {
    case "no-transaction":
      plain();
      result.noTransaction = true;
      return;
    case "deferred":
      plain();
      result.deferred = true;
      return;
    case "breaking":
      plain();
      result.breaking = true;
      return;
    case "secret":
      plain();
      result.secret = true;
      return;
    case "lock-timeout":
      result.lockTimeout = duration(value, name);
      nothingBehind();
      return;
    case "statement-timeout":
      result.statementTimeout = duration(value, name);
      nothingBehind();
      return;
    case "retries":
      if (/^\d{1,4}$/.test(value ?? "")) result.retries = Number(value);
      else report("retries must be a whole number, for example retries=20.");
      nothingBehind();
      return;
    case "repeat-until-zero": {
      const pause = /^pause=(\S+)$/.exec(rest);
      if (rest !== "" && pause === null)
        report(`"${rest}" is not understood; write repeat-until-zero pause=50ms.`);
      result.repeatUntilZero = { pause: pause === null ? 0 : (duration(pause[1], "pause") ?? 0) };
      return;
    }
    case "irreversible":
      if (rest === "") report("irreversible needs a reason: -- migrate: irreversible REASON.");
      result.irreversible = rest;
      return;
    case "repeatable-statements":
      if (rest === "" || value !== undefined)
        report("repeatable-statements needs a reason: -- migrate: repeatable-statements REASON.");
      result.repeatableStatements = rest;
      return;
    case "allow":
      if (value === undefined || rest === "")
        report("allow needs a rule and a reason: -- migrate: allow=RULE REASON.");
      else result.allow.set(value, rest);
      return;
    default: {
      if (name === "up" || name === "down") {
        report(
          `migrate:${name} is dbmate's; here up and down are two files, NNNNNN_name.up.sql and NNNNNN_name.down.sql.`,
        );
        return;
      }
      const closest = closestTo(name, known);
      report(
        `unknown directive "${name}"${closest === undefined ? "" : ` (did you mean ${closest}?)`}; known: ${known.join(", ")}.`,
      );
    }
  }
}
