import { describe, expect, it } from "@jest/globals";
import { encodePieces } from "./encode-pieces.ts";

describe("encodePieces", () => {
  it.each([
    ["nothing", []],
    ["pieces of one and of two bytes a character", ["a", "é", "", "誰でも", "😀", "z"]],
    ["more than is kept in advance", Array.from({ length: 300 }, (_, index) => `${index}€`.repeat(1000))],
  ])("joins %s", (_what, pieces) => expect(encodePieces(pieces).toString()).toBe(pieces.join("")));

  it("gives bytes that the next text leaves alone", () => {
    const first = encodePieces(["first"]);
    encodePieces(["other"]);
    expect(first.toString()).toBe("first");
  });
});
