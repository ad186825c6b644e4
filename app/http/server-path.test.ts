import { describe, expect, it } from "@jest/globals";
import { parseServerPath } from "./server-path.ts";

describe("a path below /servers/", () => {
  it.each([
    ["a.b%2Fc/versions", { kind: "versions", name: "a.b/c" }],
    ["a.b/c/versions", { kind: "versions", name: "a.b/c" }],
    ["a.b%2Fc/versions/latest", { kind: "version", name: "a.b/c", version: "latest" }],
    ["a.b/c/versions/1.0.0", { kind: "version", name: "a.b/c", version: "1.0.0" }],
    ["a.b/c/versions/1%2F2", { kind: "version", name: "a.b/c", version: "1/2" }],
    ["a.b/versions/versions", { kind: "versions", name: "a.b/versions" }],
    ["a.b/versions/versions/versions", { kind: "version", name: "a.b/versions", version: "versions" }],
    ["a.b%2Fc/versions/1/status", { kind: "version-status", name: "a.b/c", version: "1" }],
    ["a.b/c/versions/1/status", { kind: "version-status", name: "a.b/c", version: "1" }],
    ["a.b%2Fc/status", { kind: "server-status", name: "a.b/c" }],
    ["a.b/status/status", { kind: "server-status", name: "a.b/status" }],
    ["a.b/c", undefined],
    ["a.b%2Fc", undefined],
    ["a.b/c/versions/1/other", undefined],
    ["a.b/c/versions/1/status/x", undefined],
    ["a.b/c/status/x", undefined],
  ])("%s", (path, parsed) => expect(parseServerPath(path)).toEqual(parsed));

  it("holds no NUL", () =>
    expect(() => parseServerPath("a%2Fb%00/versions")).toThrow("The path must not hold a NUL character."));

  it("holds no broken escape", () =>
    expect(() => parseServerPath("a%2/b/versions")).toThrow("The path holds a broken percent-escape."));
});
