import { describe, expect, it } from "@jest/globals";
import { AppError } from "./errors.ts";
import { describeError, exitCodeMeanings, exitCodeOf, reportError } from "./exit-code.ts";

describe("the exit code of a failure", () => {
  it("is that of its kind", () => {
    expect(exitCodeOf(new AppError("lock-not-obtained", "held"))).toBe(5);
  });

  it("is 128+n for a signal, which says its own", () => {
    expect(exitCodeOf(new AppError("interrupted", "stopped", { details: { exitCode: 130 } }))).toBe(130);
  });

  it("is 1 for whatever was not thrown on purpose", () => {
    for (const thrown of [new TypeError("x is not a function"), "a text", undefined, { code: "usage" }])
      expect([thrown, exitCodeOf(thrown)]).toEqual([thrown, 1]);
  });

  it("has a meaning in the help, whichever it is", () => {
    expect(exitCodeMeanings.map(({ code }) => code)).toEqual([
      ...["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "128+n"],
    ]);
  });
});

describe("a bug", () => {
  it("is reported with its stack, which a failure on purpose is not", () => {
    const written: string[] = [];
    const stderr = { write: (text: string) => written.push(text) };
    expect(reportError(new TypeError("x is not a function"), stderr)).toBe(1);
    expect(reportError(new AppError("usage", "Say how far."), stderr)).toBe(2);
    expect(written).toEqual([
      expect.stringMatching(/^TypeError: x is not a function\n +at /),
      "Say how far.\n",
    ]);
  });

  it("shows nothing of its insides in an answer", () => {
    expect(describeError(new TypeError("password=hunter2"))).toEqual({
      code: "internal",
      message: "an unexpected error; see the log",
      exitCode: 1,
      details: {},
    });
  });
});
