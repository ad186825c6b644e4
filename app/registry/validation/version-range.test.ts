import { describe, expect, it } from "@jest/globals";
import { isVersionRange } from "./version-range.ts";

describe("a version range", () => {
  it.each([
    "^1.2.3",
    "~1.2.3",
    ">=1.2.3",
    "<2",
    "=1.0.0",
    "1.x",
    "1.2.X",
    "1.*",
    "*",
    "x",
    "v1.x.x",
    "1 - 2",
    "1.0.0 || 2.0.0",
  ])("%s is one", (text) => expect(isVersionRange(text)).toBe(true));

  // All of them stand in the real data, or could.
  it.each([
    "1.2.3",
    "v1.0.0",
    "2.1",
    "0.5.2rc4",
    "1.0.0-x.7",
    "1.0.0+build.x",
    "mcp",
    "auto",
    "{{VERSION}}",
    "1.0.1º",
    "2025-10-23",
    "xyz",
  ])("%s is none", (text) => expect(isVersionRange(text)).toBe(false));
});
