import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { anchorsOf, documentNames, proseOf, readDocument } from "../../app/test/support/markdown.ts";
import { projectRoot } from "../../app/version.ts";

/** What is wrong with the links of a document to files and headings of this project. */
function brokenLinks(document: string): string[] {
  const text = proseOf(readDocument(document)).replaceAll(/`[^`\n]*`/g, "code");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(document, target));
}

function leadsSomewhere(document: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? document : posix.join(posix.dirname(document), path);
  if (!existsSync(join(projectRoot, file))) return false;
  return anchor === undefined || (file.endsWith(".md") && anchorsOf(readDocument(file)).has(anchor));
}

/** Of a module the name alone will do. */
const isThere = (path: string): boolean =>
  ["", ".ts"].some((ending) => existsSync(join(projectRoot, path + ending)));

describe("links", () => {
  it.each(documentNames())("of %s lead to a file, and to a heading of it", (document) => {
    expect(brokenLinks(document)).toEqual([]);
  });

  it.each(documentNames().filter((name) => name !== "CHANGELOG.md"))(
    "of %s have company: files of the project that it names are there",
    (document) => {
      const named = [
        ...proseOf(readDocument(document)).matchAll(
          /`((?:app|scripts|bench|deploy|docs|examples)\/[\w./-]+)`/g,
        ),
      ];
      const missing = named.map(([, path = ""]) => path).filter((path) => !isThere(path));
      expect(missing).toEqual([]);
    },
  );

  it("lead from the index to every page", () => {
    const index = readDocument("docs/README.md");
    const pages = documentNames().filter((name) => /^docs\/(?!README)/.test(name));
    expect(pages.filter((page) => !index.includes(`](${posix.basename(page)}`))).toEqual([]);
  });

  it("are told apart from those that lead nowhere", () => {
    expect(leadsSomewhere("docs/api.md", "migrate.md#exit-codes")).toBe(true);
    expect(leadsSomewhere("docs/api.md", "migrate.md#no-such-heading")).toBe(false);
    expect(leadsSomewhere("docs/api.md", "no-such-page.md")).toBe(false);
  });
});
