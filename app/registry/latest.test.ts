import { describe, expect, it } from "@jest/globals";
import { itUnless } from "../test/support/it-unless.ts";
import { findRegistryData, readJsonLines, reasonWithout } from "../test/support/registry-data.ts";
import { latestOf, type Candidate } from "./latest.ts";

/** Versions published a day apart, in this order. */
function published(...versions: [string, ...string[]]): [Candidate, ...Candidate[]] {
  const dated = versions.map((version, day) => ({
    version,
    publishedAt: `2025-01-${String(day + 1).padStart(2, "0")}T00:00:00.000000Z`,
  }));
  return dated as [Candidate, ...Candidate[]];
}

describe("the latest version", () => {
  it.each([
    ["the highest of semantic versions, whenever published", ["1.10.0", "1.9.0"], "1.10.0"],
    ["a release rather than its pre-release", ["1.0.0", "1.0.0-rc.1"], "1.0.0"],
    ["the higher pre-release: numbers by value", ["1.0.0-rc.10", "1.0.0-rc.9"], "1.0.0-rc.10"],
    ["the higher pre-release: words after numbers", ["1.0.0-beta", "1.0.0-2"], "1.0.0-beta"],
    ["the longer pre-release of the same beginning", ["1.0.0-rc.1", "1.0.0-rc"], "1.0.0-rc.1"],
    ["a semantic version with a leading v", ["v2.0.0", "1.0.0"], "v2.0.0"],
    ["a semantic version rather than any other", ["0.0.1", "2.1", "2025.11"], "0.0.1"],
    ["the one published later where none is semantic", ["2.10", "2.9"], "2.9"],
    ["the one published later where only the build differs", ["1.0.0+b", "1.0.0+a"], "1.0.0+a"],
    [
      "not semantic with a leading zero, a space or an equals sign",
      ["0.0.1", "01.0.0", " 9.0.0", "=9.0.0"],
      "0.0.1",
    ],
  ] as const)("is %s", (_rule, versions, latest) => {
    const candidates = published(...(versions as unknown as [string, ...string[]]));
    expect(latestOf(candidates).version).toBe(latest);
    expect(latestOf(candidates.toReversed() as typeof candidates).version).toBe(latest);
  });

  it("is the greater text where everything else is equal", () => {
    const publishedAt = "2025-01-01T00:00:00.000000Z";
    const candidates = [
      { version: "b", publishedAt },
      { version: "a", publishedAt },
    ] as const;
    expect(latestOf(candidates as unknown as [Candidate, Candidate]).version).toBe("b");
  });

  const cases = findRegistryData("latest-cases.jsonl");
  itUnless(reasonWithout(cases))("is what the real registry decided, for 244 servers", () => {
    const servers = readJsonLines<{ name: string; versions: [Candidate & { isLatest: boolean }] }>(
      cases ?? "",
    );
    expect(servers).toHaveLength(244);
    for (const { name, versions } of servers) {
      const decided = versions.filter(({ isLatest }) => isLatest).map(({ version }) => version);
      expect([name, latestOf(versions).version]).toEqual([name, ...decided]);
    }
  });
});
