import { describe, expect, it } from "@jest/globals";
import {
  assertAnswer,
  schemaNames,
  sharedSchemas,
  violations,
} from "../../app/test/support/answer-schemas.ts";
import { commands } from "./commands.ts";

describe("the published schemas of the answers", () => {
  it("are there for every command, and for nothing else", () => {
    expect(schemaNames().toSorted()).toEqual(
      [...commands.map(({ name }) => name), ...sharedSchemas].toSorted(),
    );
  });

  it("compile in strict mode", () => {
    for (const name of schemaNames()) expect(() => violations(name, {})).not.toThrow();
    expect(violations("current", { current: "000001_one" })).toEqual([]);
  });

  it("refuse what they do not describe", () => {
    expect(violations("current", { current: "000001_one", extra: 1 })).toEqual([
      'the document must NOT have additional properties {"additionalProperty":"extra"}',
    ]);
    expect(violations("current", {})).toEqual([
      `the document must have required property 'current' {"missingProperty":"current"}`,
    ]);
  });
});

describe("the check that every run of migrate in a test goes through", () => {
  const answer =
    (stdout: string, code = 0) =>
    () =>
      assertAnswer(["current", "--json"], code, stdout);
  const failure = { code: "usage", message: "No.", exitCode: 2, details: {} };

  it("accepts one document on one line", () => {
    expect(answer('{"current":null}\n')).not.toThrow();
    expect(answer(`${JSON.stringify({ error: failure })}\n`, 2)).not.toThrow();
  });

  it("refuses no document, a second one, and anything beside it", () => {
    for (const stdout of ["", '{"current":null}\n{"current":null}\n', 'Hello\n{"current":null}\n'])
      expect(answer(stdout)).toThrow("stdout is not one line with one document");
  });

  it("refuses a document that contradicts the exit code", () => {
    expect(answer(`${JSON.stringify({ error: failure })}\n`, 0)).toThrow("it says exit code 2");
  });
});
