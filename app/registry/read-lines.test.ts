import { describe, expect, it } from "@jest/globals";
import { longestLine, readLines, type Line } from "./read-lines.ts";

/** The lines of a text that arrives in pieces of `size` bytes. */
async function linesOf(content: string | Buffer, size = 1 << 20): Promise<Line[]> {
  const bytes = Buffer.from(content as string);
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const lines: Line[] = [];
  for await (const line of readLines(pieces())) lines.push(line);
  return lines;
}

describe("readLines", () => {
  it.each([1, 2, 3, 1000])(
    "gives whole lines with their numbers when the text arrives %i bytes at a time",
    async (size) => {
      await expect(linesOf("\uFEFFeins\r\n\n  \nzwölf 😀\nlast", size)).resolves.toEqual([
        { number: 1, text: "eins" },
        { number: 4, text: "zwölf 😀" },
        { number: 5, text: "last" },
      ]);
    },
  );

  it("gives nothing for nothing", async () => expect(linesOf("")).resolves.toEqual([]));

  it("reports a line that is not UTF-8 and goes on", async () =>
    expect(linesOf(Buffer.from([0x61, 0x0a, 0xff, 0x0a, 0x62]))).resolves.toEqual([
      { number: 1, text: "a" },
      { number: 2, problem: "the line is not valid UTF-8" },
      { number: 3, text: "b" },
    ]));

  it("reports a line over 4 MiB and goes on", async () => {
    const fits = "x".repeat(longestLine);
    await expect(linesOf(`${fits}\n${fits}x\nb`)).resolves.toEqual([
      { number: 1, text: fits },
      { number: 2, problem: "the line is longer than 4 MiB" },
      { number: 3, text: "b" },
    ]);
  });
});
