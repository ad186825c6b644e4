import { excerpt, lineAt } from "../failure-place.ts";
import type { MigrationFile } from "../files.ts";
import { readMigrationText, withLineFeeds } from "../migration-text.ts";
import { bodyOf } from "../parse-tree.ts";
import { prepareText } from "../prepare.ts";
import { isParseFailure, largestParsed, parseStatements, tooDeep } from "../statements.ts";
import { findSectionMarks } from "../section-marks.ts";
import { withoutAllowed } from "./allowed.ts";
import { createFacts, isMadeHere, type FileFacts } from "./facts.ts";
import { judgeFiles } from "./file-rules.ts";
import type { Finding, InDown, Remark, Severity } from "./finding.ts";
import { judgeLedger } from "./ledger-rules.ts";
import { lintRules, type OwnRemark, type RuleName } from "./rules.ts";
import { judgeForServer } from "./server-rules.ts";
import { judgeSessionState } from "./session-rules.ts";
import { askSquawk, syntaxError, type SquawkRemark } from "./squawk.ts";
import { squawkRules } from "./squawk-rules.ts";
import { judgeStatements } from "./statement-rules.ts";
import { judgeTransaction } from "./transaction-rules.ts";

export interface JudgeOptions {
  readonly serverVersion: number;
  /** How many digits most versions of the folder have. */
  readonly width: number;
  /** Names of Headgate's own tables. */
  readonly ledger: ReadonlySet<string>;
  readonly signal?: AbortSignal | undefined;
}

/** One direction of a migration; code is judged as an up. */
export interface Subject {
  readonly file: MigrationFile;
  readonly direction: "up" | "down";
  readonly path: string;
}

/** What there is to say of one file, in the order of its lines. */
export async function judgeFile(subject: Subject, options: JudgeOptions): Promise<Finding[]> {
  const { file, direction, path } = subject;
  const content = readMigrationText(path);
  if (typeof content === "string") return toFindings(subject, "", [notRunnable(content, "")]);
  const problems: string[] = [];
  const known = { ...file, checksum: content.checksum, deferred: false };
  const { text, source, directives } = await prepareText(
    known,
    direction,
    path,
    // What a line end means in a literal is no matter for a judgement, and squawk counts LF alone.
    { text: withLineFeeds(content.text) },
    problems,
  );
  const remarks: (OwnRemark | SquawkRemark)[] = problems.map((problem) => notRunnable(problem, source));
  if (directives.allow.has("section-mark")) {
    // It was not refused, because the file allows it; one that allows nothing is told so.
    const marks = (await findSectionMarks(source)).filter((mark) => mark.direction !== direction);
    remarks.push(
      ...marks.map(({ text: message }) => ({ rule: "section-mark" as const, offset: 0, message })),
    );
  }
  if (direction === "up") remarks.push(...judgeFiles(file, source, directives, options.width));
  let facts: FileFacts | undefined;
  let squawkJudged = file.kind === "code"; // none of its rules concerns code
  if (file.kind === "sql") {
    // The text without its own BEGIN and COMMIT is what runs; our own rules want to see them.
    const parsed = source.length > largestParsed ? undefined : await parseStatements(source);
    const unread = parsed !== undefined && isParseFailure(parsed) ? parsed : undefined;
    if (parsed === undefined) {
      remarks.push(notJudged(0, `by our own rules: it has more than ${largestParsed / 1024} KiB`));
    } else if (!isParseFailure(parsed)) {
      facts = createFacts(source, parsed, directives, options.serverVersion, options.ledger);
      const judges =
        problems.length > 0
          ? [judgeStatements, judgeLedger]
          : [judgeTransaction, judgeStatements, judgeForServer, judgeLedger, judgeSessionState];
      remarks.push(...judges.flatMap((judge) => judge(facts!)));
    } else if (parsed.message === tooDeep) {
      remarks.push(notJudged(0, `by our own rules: ${tooDeep}`));
    } else if (problems.length === 0) {
      remarks.push({ rule: "syntax-error", offset: parsed.offset, message: `${parsed.message}.` });
    }
    const verdict = await askSquawk(text, {
      serverVersion: options.serverVersion,
      inTransaction: !directives.noTransaction,
      signal: options.signal,
    });
    squawkJudged = typeof verdict !== "string";
    if (typeof verdict === "string") remarks.push(notJudged(0, `by squawk: ${verdict}`));
    else {
      const said = remarks.slice();
      const unreadToUs = unread !== undefined && unread.message !== tooDeep;
      remarks.push(
        ...readable(verdict, unreadToUs).filter(
          (remark) => !isSaid(remark, said) && !(facts !== undefined && isOfNewTable(facts, remark)),
        ),
      );
    }
  }
  return toFindings(subject, source, withoutAllowed(remarks, directives, source, squawkJudged));
}

/** Where squawk reads otherwise than PostgreSQL, it is squawk that is wrong; where both stumble, once is enough. */
function readable(verdict: readonly SquawkRemark[], alsoUnreadToUs: boolean): (OwnRemark | SquawkRemark)[] {
  const stumbled = verdict.find(({ rule }) => rule === syntaxError);
  return [
    ...verdict.filter(({ rule }) => rule !== syntaxError),
    ...(stumbled === undefined || alsoUnreadToUs
      ? []
      : [
          notJudged(
            stumbled.offset,
            `by squawk from here on: it does not know this syntax (${stumbled.message})`,
          ),
        ]),
  ];
}

/** Rules of squawk about who waits. It knows the tables of CREATE TABLE, and not those of CREATE TABLE AS and SELECT INTO. */
const aboutWaiting: ReadonlySet<string> = new Set([
  "require-concurrent-index-creation",
  "adding-not-nullable-field",
  "adding-required-field",
  "adding-field-with-default",
  "adding-foreign-key-constraint",
  "adding-serial-primary-key-field",
  "changing-column-type",
  "constraint-missing-not-valid",
  "disallowed-unique-constraint",
]);

function isOfNewTable(facts: FileFacts, { rule, offset }: Remark): boolean {
  // Outside a transaction others see the table before the next statement.
  if (!aboutWaiting.has(rule) || facts.directives.noTransaction) return false;
  const statement = facts.statements.findLast((one) => one.offset <= offset);
  return statement !== undefined && isMadeHere(facts, bodyOf(statement.tree)["relation"]);
}

/** Whether one of our rules has said the same of that place, and better. */
function isSaid({ rule, offset }: Remark, said: readonly Remark[]): boolean {
  return said.some(
    (ours) => ours.insteadOf?.rule === rule && ours.offset <= offset && offset <= ours.insteadOf.end,
  );
}

function notJudged(offset: number, why: string): OwnRemark {
  return { rule: "not-judged", offset, message: `Not judged ${why}.` };
}

/** A problem as `migrate check` words it: `file:line: what`, or a sentence that begins with the file. */
function notRunnable(problem: string, text: string): OwnRemark {
  const [, line, rest = problem] = /^\S+?(?::(\d+))?: (.*)$/s.exec(problem) ?? [];
  const inside = line ?? /\(line (\d+)/.exec(problem)?.[1] ?? "1";
  let offset = 0;
  for (let passed = 1; passed < Number(inside); passed++) offset = text.indexOf("\n", offset) + 1;
  return { rule: "not-runnable", offset, message: rest };
}

function toFindings(
  { direction, path }: Subject,
  text: string,
  remarks: readonly (Remark & { readonly help?: string | undefined })[],
): Finding[] {
  return remarks
    .toSorted((a, b) => a.offset - b.offset)
    .flatMap(({ rule, offset, message, help }) => {
      const severity = severityOf(rule, direction);
      if (severity === "off") return [];
      const line = lineAt(text, offset);
      return [
        {
          file: path,
          direction,
          line: line.number,
          column: line.column,
          rule,
          severity,
          message,
          help: rule in lintRules ? lintRules[rule as RuleName].help : help,
          excerpt: text === "" ? [] : excerpt(line, true),
        },
      ];
    });
}

/** A rule of a newer squawk than our table knows is worth a note. */
function severityOf(rule: string, direction: "up" | "down"): Severity | "off" {
  const known: { severity: Severity | "off"; inDown: InDown } | undefined =
    rule in lintRules ? lintRules[rule as RuleName] : squawkRules[rule];
  const { severity, inDown } = known ?? { severity: "note", inDown: "note" };
  return direction === "up" || inDown === "same" ? severity : inDown;
}
