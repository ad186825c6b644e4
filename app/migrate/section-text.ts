import { commentLines } from "./comment-lines.ts";
import type { MigrationFile } from "./files.ts";
import { readMigrationText } from "./migration-text.ts";
import { isBlank } from "./statements.ts";

export type Direction = "up" | "down";

const ownMark = /^--[\s-]*(up|down)\s+migration\W*$/i;
const mayHoldMarks = /^[ \t]*--[ \t-]*(?:up|down)\s+migration\W*$/im;

/** Of files of which nothing else need be known: whether one may hold the mark of a section that reverts. */
export const mayRevert: RegExp = /--[ \t-]*down\s+migration/i;

/**
 * One direction of a file in node-pg-migrate's own form, `-- Up Migration` and `-- Down Migration` in one file: the
 * comment that the file begins with, and the section. In place of the other section its line ends stay, so that every
 * line keeps its number.
 *
 * @returns undefined for a text that is not of that form
 */
export function sectionOf(text: string, direction: Direction): string | undefined {
  if (!mayHoldMarks.test(text)) return undefined;
  const marks = [...commentLines(text)].flatMap(({ offset, text: comment }) => {
    const word = ownMark.exec(comment)?.[1]?.toLowerCase();
    return word === undefined ? [] : [{ offset, direction: word as Direction }];
  });
  const [first, second] = marks;
  if (first === undefined || marks.length > 2 || first.direction === second?.direction) return undefined;
  const beginning = text.slice(0, first.offset);
  // What stands above the first mark is the way up where no other section is.
  const upAbove = !isBlank(beginning);
  if (upAbove && marks.some((mark) => mark.direction === "up")) return undefined;
  if (!upAbove && second === undefined && first.direction === "down") return undefined;
  const parts = [
    { direction: upAbove ? "up" : undefined, text: beginning },
    ...marks.map((mark, index) => ({
      direction: mark.direction,
      text: text.slice(mark.offset, marks[index + 1]?.offset),
    })),
  ];
  return parts
    .map((part) =>
      part.direction === undefined || part.direction === direction
        ? part.text
        : part.text.replaceAll(/[^\r\n]+/g, ""),
    )
    .join("");
}

type Paths = Pick<MigrationFile, "kind" | "upPath" | "downPath">;

/** What one direction of a migration runs of its file: the section, where the file holds both, else all of it. */
export function ownText({ kind, upPath, downPath }: Paths, direction: Direction, text: string): string {
  const mayHoldBoth = kind === "sql" && (downPath === undefined || downPath === upPath);
  return (mayHoldBoth ? sectionOf(text, direction) : undefined) ?? text;
}

/** Whether a text in node-pg-migrate's own form holds a way down. */
export function holdsDown(text: string): boolean {
  const down = sectionOf(text, "down");
  return down !== undefined && !isBlank(down);
}

/** What the ledger keeps of one direction: the text that it runs. Undefined without a file, or where it cannot be read. */
export function readOwnText(file: Paths, direction: Direction): string | undefined {
  const path = direction === "up" ? file.upPath : file.downPath;
  const content = path === undefined ? undefined : readMigrationText(path);
  return content === undefined || typeof content === "string"
    ? undefined
    : ownText(file, direction, content.text);
}
