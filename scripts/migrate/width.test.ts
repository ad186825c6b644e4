import { beforeAll, describe, expect, it } from "@jest/globals";
import { table } from "./table.ts";
import { cutToWidth, loadWidths, padToWidth, widthOf } from "./width.ts";

beforeAll(loadWidths);

describe("the width of a text", () => {
  it.each([
    ["abc", 3],
    ["漢字", 4],
    ["🚀", 2],
    ["👩‍💻", 2],
    ["e\u0301", 1],
    ["\u001B[31mred\u001B[39m", 3],
  ])("counts columns of a terminal: %j", (text, columns) => {
    expect(widthOf(text)).toBe(columns);
  });

  it("is kept when a text is cut, and no character is cut in two", () => {
    expect(cutToWidth("abcdef", 6)).toBe("abcdef");
    expect(cutToWidth("abcdefg", 6)).toBe("abcde…");
    expect(cutToWidth("漢字漢字", 6)).toBe("漢字…");
    expect(cutToWidth("ae\u0301e\u0301e\u0301", 3)).toBe("ae\u0301…");
    expect(cutToWidth("abc", 0)).toBe("");
  });

  it("is what a text is padded to", () => {
    expect(padToWidth("漢", 4)).toBe("漢  ");
  });
});

describe("a table", () => {
  it("aligns wide characters, and shows what could command a terminal spelt out", async () => {
    const rows = [
      { cells: ["漢字", "a"], notes: [] },
      { cells: ["x\u001B[2J", "b"], notes: ["two\nlines"] },
    ];
    expect(await table(["NAME", "BY"], rows)).toEqual([
      "NAME      BY",
      "漢字      a",
      "x\\x1b[2J  b",
      "  ! two\\nlines",
      "",
    ]);
  });
});
