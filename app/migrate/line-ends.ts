/** The lines of a text as an editor counts them: LF, CRLF and a lone CR end one. */
export function linesOf(text: string, limit?: number): string[] {
  return text.split(/\r\n?|\n/, limit);
}

/** Where the line begins in which a place lies. */
export function startOfLine(text: string, offset: number): number {
  if (offset === 0) return 0;
  // Between a CR and its LF, the place still belongs to the line that they end.
  const from = text[offset] === "\n" && text[offset - 1] === "\r" ? offset - 2 : offset - 1;
  return from < 0 ? 0 : Math.max(text.lastIndexOf("\n", from), text.lastIndexOf("\r", from)) + 1;
}

/** Where the line ends in which a place lies, without its line end. */
export function endOfLine(text: string, offset: number): number {
  const from = text[offset] === "\n" && text[offset - 1] === "\r" ? offset - 1 : offset;
  const [feed, carriage] = [text.indexOf("\n", from), text.indexOf("\r", from)];
  if (feed === -1 || carriage === -1)
    return Math.max(feed, carriage) === -1 ? text.length : Math.max(feed, carriage);
  return Math.min(feed, carriage);
}

/** The line, from 1, of a place in a text. */
export function lineOf(text: string, offset: number): number {
  return createLineCounter(text)(offset);
}

/** `lineOf` for places that are asked for in ascending order; it never counts a line twice. */
export function createLineCounter(text: string): (offset: number) => number {
  const ends = text.includes("\r") ? /\r\n?|\n/g : /\n/g;
  let line = 1;
  let next = ends.exec(text) === null ? Infinity : ends.lastIndex;
  return (offset) => {
    for (; next <= offset; next = ends.exec(text) === null ? Infinity : ends.lastIndex) line += 1;
    return line;
  };
}
