import { endOfLine, startOfLine } from "./line-ends.ts";
import { endOfComment } from "./statements.ts";

/** A comment that has a line to itself. */
export interface CommentLine {
  /** Where the comment begins, in UTF-16 units. */
  readonly offset: number;
  readonly text: string;
}

/**
 * The comments of SQL that have a line to themselves, outside literals, quoted names and dollar bodies. By hand, since the
 * parser forgets comments and its scanner takes a gigabyte for a file of ten megabytes.
 */
export function* commentLines(text: string): Generator<CommentLine> {
  const interesting = /--|\/\*|'|"|\$(?:[A-Za-z_\u0080-\uFFFF][\w\u0080-\uFFFF]*)?\$/g;
  for (let match = interesting.exec(text); match !== null; match = interesting.exec(text)) {
    const [opening] = match;
    const { index } = match;
    if (opening === "--" || opening === "/*") {
      const end = opening === "--" ? endOfLine(text, index) : (endOfComment(text, index) ?? text.length);
      const comment = text.slice(index, end);
      if (isAlone(text, index, end) && !/[\r\n]/.test(comment)) yield { offset: index, text: comment };
      interesting.lastIndex = end;
    } else if (opening.startsWith("$")) {
      // `a$1$b` is a name, not a dollar quote.
      if (/[\w$\u0080-\uFFFF]/.test(text[index - 1] ?? " ")) interesting.lastIndex = index + 1;
      else interesting.lastIndex = after(text, opening, index + opening.length);
    } else if (
      opening === "'" &&
      /(?:^|[^\w$\u0080-\uFFFF])e$/i.test(text.slice(Math.max(0, index - 2), index))
    )
      interesting.lastIndex = endOfEscaped(text, index + 1);
    else interesting.lastIndex = after(text, opening, index + 1);
  }
}

function after(text: string, closing: string, from: number): number {
  const at = text.indexOf(closing, from);
  return at === -1 ? text.length : at + closing.length;
}

/** Behind a literal in which a backslash escapes what follows it. */
function endOfEscaped(text: string, from: number): number {
  let at = from;
  for (; at < text.length && text[at] !== "'"; at++) if (text[at] === "\\") at++;
  return Math.min(at + 1, text.length);
}

function isAlone(text: string, start: number, end: number): boolean {
  return (
    text.slice(startOfLine(text, start), start).trim() === "" &&
    text.slice(end, endOfLine(text, Math.max(start, end - 1))).trim() === ""
  );
}
