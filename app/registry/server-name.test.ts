import { describe, expect, it } from "@jest/globals";
import { isServerName, isVersion, isVersionFilter } from "./server-name.ts";

describe("a server's name", () => {
  it.each(["a/b", "io.github.acme/weather-mcp", "com.Example/x_y.z", `${"a".repeat(98)}/${"b".repeat(101)}`])(
    "may be %s",
    (name) => expect(isServerName(name)).toBe(true),
  );

  it.each([
    "",
    "a",
    "/b",
    "a/",
    "a/b/c",
    "-a/b",
    "a./b",
    "a_b/c",
    "a/_b",
    "a/b-",
    "a b/c",
    "ä/b",
    "a/b\n",
    `a/${"b".repeat(199)}`,
  ])("cannot be %j", (name) => expect(isServerName(name)).toBe(false));
});

describe("a version", () => {
  it.each(["1.0.0", "2.1", "0.5.2rc4", "v1", "1.0/2", "v".repeat(255), "ü".repeat(127)])(
    "may be %s",
    (version) => expect(isVersion(version)).toBe(true),
  );

  it.each(["", "latest", "1\0", "v".repeat(256), "ü".repeat(128)])("cannot be %j", (version) =>
    expect(isVersion(version)).toBe(false),
  );

  it("can be asked for as `latest`", () => expect(isVersionFilter("latest")).toBe(true));
});
