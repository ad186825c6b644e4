import { describe, expect, it } from "@jest/globals";
import { endOfLine, lineOf, linesOf, startOfLine } from "./line-ends.ts";

const text = "a\nb\r\nc\rd\n\r\n";

describe("the lines of a text", () => {
  it("end with LF, CRLF or a lone CR, as in an editor", () => {
    expect(linesOf(text)).toEqual(["a", "b", "c", "d", "", ""]);
    expect(Array.from({ length: 8 }, (_, offset) => lineOf(text, offset))).toEqual([1, 1, 2, 2, 2, 3, 3, 4]);
  });

  it("are found around any place in them", () => {
    const around = (offset: number): string => text.slice(startOfLine(text, offset), endOfLine(text, offset));
    expect(Array.from({ length: 8 }, (_, offset) => around(offset))).toEqual([
      "a",
      "a",
      "b",
      "b",
      "b",
      "c",
      "c",
      "d",
    ]);
    expect(around(text.length)).toBe("");
  });
});
