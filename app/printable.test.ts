import { describe, expect, it } from "@jest/globals";
import { createLog } from "./log.ts";
import { printable, printableJson, printableLine } from "./printable.ts";

describe("a text that is shown on a terminal", () => {
  it.each([
    ["\u001B]0;title\u0007", "\\x1b]0;title\\x07"],
    ["a\rb\u009B2Jc\u007F", "a\\x0db\\x9b2Jc\\x7f"],
    ["abc\u202Efed\u2066", "abc\\u202efed\\u2066"],
    ["größe 漢字 👩‍💻\n\tb", "größe 漢字 👩‍💻\n\tb"],
  ])("has what could command it spelt out: %j", (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it("stays on one line where it must", () => {
    expect(printableLine("a\nb\tc")).toBe("a\\nb\\tc");
  });

  it("is the same document where it is JSON", () => {
    const value = { name: "a\u001B[2J\u009B\u202E\u2028" };
    const shown = printableJson(JSON.stringify(value));
    expect(shown).toBe('{"name":"a\\u001b[2J\\u009b\\u202e\\u2028"}');
    expect(JSON.parse(shown)).toEqual(value);
  });
});

describe("the log for people", () => {
  it("spells out what fields hold, too", () => {
    let text = "";
    const log = createLog({
      level: "info",
      format: "pretty",
      stream: { write: (line: string) => (text += line) },
    });
    log.info({ migration: "a\u001B[2J\nb" }, "hello \u202E");
    expect(text.slice(13)).toBe("info  hello \\u202e migration=a\\x1b[2J\\nb\n");
  });
});
