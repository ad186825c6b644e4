import { commentLines } from "./comment-lines.ts";
import { lineOf, linesOf } from "./line-ends.ts";
import type { Direction } from "./section-text.ts";
import { isBlank, isParseFailure, largestParsed, skipComments, splitStatements } from "./statements.ts";

/** A comment that divides a file into a way up and a way down. */
export interface SectionMark {
  readonly direction: Direction;
  /** From 1. */
  readonly line: number;
  /** The comment itself. */
  readonly text: string;
}

interface Candidate extends Omit<SectionMark, "line"> {
  readonly offset: number;
  readonly end: number;
  /** The mark of a tool, which means nothing else wherever it stands. */
  readonly isTools: boolean;
  /** Down marks alone that people also write over a whole file: `-- Rollback`. */
  readonly isWeak: boolean;
  /** The SQL behind Liquibase's `--rollback`. */
  readonly holds: string | undefined;
}

const words =
  "ups?|upgrade|forwards?|downs?|downgrade|undo|roll[ _-]?back|revert|reverse|backwards?|tear[ _-]?down";
const mayHold = new RegExp(
  String.raw`^[ \t]*(?:--|/\*)[^\r\n]*(?:\b|_)(?:${words}|drop below)(?:\b|_)`,
  "im",
);
/** `-- +goose Down`, `-- +migrate Down notransaction`, `-- migrate:down transaction:false`, `-- rambler down`, `--//@UNDO`. */
const toolMark = new RegExp(
  String.raw`^--[\s-]*(?:\+\s*\w+\s+|migrate\s*:\s*|(?://\s*)?@|!|(?:goose|rambler|micrate|dbmate|shmig|sql-migrate)[\s:]+)(${words})\b(?:\s+[\w:=]+)*\W*$`,
  "i",
);
const ternMark = /^--[\s-]*create\s+above\b\W*drop\s+below\b\W*$/i;
const plainMark = new RegExp(
  String.raw`^(?:[^\w]|_)*(?:(?:migrations?|migrate|section|schema)[\s:_-]+)?(${words})(?:[\s:_-]+(?:migrations?|script|section|sql|statements?|part))?(?:[^\w]|_)*$`,
  "i",
);
const liquibaseMark =
  /^--\s*rollback\s+((?:alter|comment|create|delete|drop|grant|insert|revoke|truncate|update)\b.*)$/i;
const weak = /^(?:undo|roll|revert|reverse|backward|tear)/i;
/** SQL that is commented out: what a heading above it is about. */
const commentedOut =
  /^(?:--|\/\*)\s*(?:alter|begin|comment|create|delete|drop|grant|insert|revoke|truncate|update)\b/i;

/**
 * The marks by which other tools divide a file into up and down, in order: a comment that has its line to itself, says
 * that and nothing else, and has a statement behind it. Prose that speaks of a way down is none.
 */
export async function findSectionMarks(text: string): Promise<SectionMark[]> {
  if (!mayHold.test(text)) return [];
  const candidates = [...commentLines(text)].flatMap((comment) => candidateOf(comment) ?? []);
  if (candidates.length === 0) return [];
  const isBetween = await betweenStatements(text);
  const found: Candidate[] = [];
  for (const candidate of candidates) if (await isMark(text, candidate, isBetween)) found.push(candidate);
  const saysUp = found.some(({ direction }) => direction === "up");
  return found
    .filter((mark) => saysUp || mark.isTools || !mark.isWeak || !isBlank(text.slice(0, mark.offset)))
    .map(({ direction, offset, text: comment }) => ({
      direction,
      line: lineOf(text, offset),
      text: comment,
    }));
}

/** The first comment that may be the mark of a way down, by the comments alone: for advice, not for a refusal. */
export function findSplittingComment(text: string): SectionMark | undefined {
  for (const { offset, text: comment } of commentLines(text)) {
    const candidate = candidateOf({ offset, text: comment });
    if (candidate?.direction === "down" && (candidate.holds !== undefined || !isBlank(text, candidate.end)))
      return { direction: "down", line: lineOf(text, offset), text: comment };
  }
  return undefined;
}

function candidateOf({ offset, text }: { offset: number; text: string }): Candidate | undefined {
  const base = { offset, end: offset + text.length, text, holds: undefined };
  const down = { ...base, direction: "down" as const };
  if (ternMark.test(text)) return { ...down, isTools: true, isWeak: false };
  const tools = toolMark.exec(text);
  const word = (tools ?? plainMark.exec(text))?.[1];
  if (word !== undefined) {
    const direction = /^(?:up|forward)/i.test(word) ? "up" : "down";
    return { ...base, direction, isTools: tools !== null, isWeak: weak.test(word) };
  }
  const holds = liquibaseMark.exec(text)?.[1];
  return holds === undefined ? undefined : { ...down, isTools: true, isWeak: false, holds };
}

async function isMark(
  text: string,
  { offset, end, isTools, holds }: Candidate,
  isBetween: (offset: number, end: number) => Promise<boolean>,
): Promise<boolean> {
  if (holds !== undefined) return await isSql(holds);
  if (isBlank(text, end)) return false;
  return isTools || (!headsCommentedOut(text, end) && (await isBetween(offset, end)));
}

/** Whether the comment goes on below with SQL that is commented out. */
function headsCommentedOut(text: string, end: number): boolean {
  const behind = text.slice(end, skipComments(text, end));
  const [, ...lines] = linesOf(behind);
  return lines.map((line) => line.trim()).some((line) => commentedOut.test(line));
}

/** Tells whether a comment stands between two statements; a text that is no SQL as a whole may be cut there into two that are. */
async function betweenStatements(text: string): Promise<(offset: number, end: number) => Promise<boolean>> {
  const statements = text.length > largestParsed ? undefined : await splitStatements(text);
  if (statements !== undefined && !isParseFailure(statements)) {
    const taken = statements.map(({ offset, text: { length } }) => ({
      from: skipComments(text, offset),
      to: offset + length,
    }));
    return async (offset) => !taken.some(({ from, to }) => from < offset && offset < to);
  }
  return async (offset, end) => {
    const before = text.slice(0, offset);
    if (isBlank(before) || /;\s*$/.test(before)) return true;
    return text.length <= largestParsed && (await isSql(before)) && (await isSql(text.slice(end)));
  };
}

async function isSql(text: string): Promise<boolean> {
  const statements = await splitStatements(text);
  return !isParseFailure(statements) && statements.length > 0;
}

/**
 * A sentence for a file whose marks say that it also holds the other direction; undefined where they do not.
 *
 * @param names what its two files would be called
 */
export function describeMarks(
  fileName: string,
  direction: Direction,
  marks: readonly SectionMark[],
  names: { readonly up: string; readonly down: string },
): string | undefined {
  const mark = marks.find((candidate) => candidate.direction !== direction);
  if (mark === undefined) return undefined;
  const [here, there] = direction === "up" ? [names.up, names.down] : [names.down, names.up];
  const shown = mark.text.length <= 60 ? mark.text : `${mark.text.slice(0, 60)}…`;
  const where = `${fileName}:${mark.line}: "${shown}"`;
  if (/^--\s*rollback\s+\w/i.test(mark.text))
    return `${where} is Liquibase's way down, and a comment here; move its SQL into ${names.down} and take the line out.`;
  const verb = mark.direction === "down" ? "reverts" : "applies";
  return `${where} begins a part that ${verb}, and the whole file would run as ${direction}. Split it: move that part into ${there}, leave the rest in ${here}, and take the marks out. If it is mere prose, say so: -- migrate: allow=section-mark REASON.`;
}
