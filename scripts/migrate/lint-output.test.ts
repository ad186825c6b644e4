import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import type { Finding } from "../../app/migrate/lint/finding.ts";
import { githubAnnotation, showFinding } from "./lint-output.ts";

const finding: Finding = {
  file: join(process.cwd(), "migrations", "000001_a.up.sql"),
  direction: "up",
  line: 3,
  column: 7,
  rule: "some-rule",
  severity: "note",
  message: "100% of it",
  help: undefined,
  excerpt: ["  3 | SELECT 1;", "    |       ^"],
};

describe("a finding for people", () => {
  it("begins with a place that an editor can follow, and shows the line and the help", () => {
    expect(showFinding({ ...finding, help: "Do this." })).toEqual([
      "migrations/000001_a.up.sql:3:7: note: 100% of it [some-rule]",
      "  3 | SELECT 1;",
      "    |       ^",
      "  help: Do this.",
    ]);
  });
});

describe("a finding for GitHub", () => {
  it("is an annotation of its severity at its place", () => {
    expect(githubAnnotation({ ...finding, severity: "error", message: "No." }, undefined)).toBe(
      "::error file=migrations/000001_a.up.sql,line=3,col=7,title=some-rule::No.",
    );
    expect(githubAnnotation({ ...finding, severity: "warning" }, undefined)).toMatch(/^::warning /);
    expect(githubAnnotation(finding, undefined)).toMatch(/^::notice /);
  });

  it("escapes what would end a property or the line", () => {
    const odd = { ...finding, file: "/w/a,b:c%.sql", message: "a%\r\nb::c,d", help: "e" };
    expect(githubAnnotation(odd, "/w")).toBe(
      "::notice file=a%2Cb%3Ac%25.sql,line=3,col=7,title=some-rule::a%25%0D%0Ab::c,d%0Ae",
    );
  });

  it("counts paths from the checkout, and leaves those of other folders whole", () => {
    expect(githubAnnotation({ ...finding, file: "/w/m/a.sql" }, "/w")).toContain("file=m/a.sql,");
    expect(githubAnnotation({ ...finding, file: "/x/a.sql" }, "/w")).toContain("file=/x/a.sql,");
  });
});
