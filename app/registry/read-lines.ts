/** A line of a text file, or why it cannot be read. Lines count from 1. */
export type Line =
  { readonly number: number; readonly text: string } | { readonly number: number; readonly problem: string };

export const longestLine = 4 * 1024 * 1024;

/**
 * The lines of a UTF-8 text, without their ends (LF or CRLF) and without empty ones. Holds one line at a time; a line
 * over 4 MiB is passed over and reported, never held.
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let number = 1;
  let held: Uint8Array[] = [];
  let size = 0;
  const hold = (piece: Uint8Array): void => {
    size += piece.length;
    if (size <= longestLine) held.push(piece);
    else held = [];
  };
  const take = (): Line | undefined => {
    const line =
      size > longestLine
        ? { number, problem: "the line is longer than 4 MiB" }
        : decodeLine(number, Buffer.concat(held));
    [number, held, size] = [number + 1, [], 0];
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      hold(chunk.subarray(start, end));
      const line = take();
      if (line !== undefined) yield line;
      start = end + 1;
    }
    hold(chunk.subarray(start));
  }
  const last = take();
  if (last !== undefined) yield last;
}

// A byte order mark is dropped by the decoder.
const decoder = new TextDecoder("utf-8", { fatal: true });

function decodeLine(number: number, bytes: Uint8Array): Line | undefined {
  try {
    const text = decoder.decode(bytes).trim();
    return text === "" ? undefined : { number, text };
  } catch {
    return { number, problem: "the line is not valid UTF-8" };
  }
}
