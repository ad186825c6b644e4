/** What one call leaves for the next one; longer texts get memory of their own. In bytes. */
const longestKept = 1024 * 1024;
let kept: Buffer = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * The pieces, one after the other, in UTF-8. For long texts that are sent as they are: joined as a string, one letter
 * beyond Latin-1 would make all of it wide, to be copied wide and then encoded as a whole.
 */
export function encodePieces(pieces: readonly string[]): Buffer {
  let bytes: Buffer = kept;
  let end = 0;
  for (const piece of pieces) {
    // No unit of a JavaScript string takes more than three bytes.
    const needed = end + piece.length * 3;
    if (needed > bytes.length) bytes = grown(bytes, end, needed);
    end += bytes.write(piece, end);
  }
  if (bytes.length <= longestKept) kept = bytes;
  return Buffer.from(bytes.subarray(0, end));
}

function grown(bytes: Buffer, end: number, needed: number): Buffer {
  const more = Buffer.allocUnsafeSlow(Math.max(needed, bytes.length * 2));
  bytes.copy(more, 0, 0, end);
  return more;
}
