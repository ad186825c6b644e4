import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { projectRoot } from "../../version.ts";

export interface CodeBlock {
  /** Of the document, from the project's folder. */
  readonly document: string;
  /** The nearest heading above it. */
  readonly heading: string;
  /** `sh` (commands) or `console` (commands after `$ `, and what they print). */
  readonly language: string;
  readonly text: string;
}

/** The documents that people read, from the project's folder. */
export function documentNames(): string[] {
  const inFolder = (folder: string, recursive: boolean): string[] =>
    readdirSync(join(projectRoot, folder), { recursive, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(folder, name).split(sep).join("/"));
  return [
    ...inFolder(".", false),
    ...inFolder("docs", true),
    ...inFolder("bench", false),
    ...inFolder("examples", true),
  ].toSorted();
}

export function readDocument(name: string): string {
  return readFileSync(join(projectRoot, name), "utf8");
}

/** The blocks of code in a document, wherever they are indented. */
export function codeBlocks(document: string, text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let heading = "";
  let open: { language: string; indent: string; lines: string[] } | undefined;
  for (const line of text.split("\n")) {
    const fence = /^( *)```(\w*)$/.exec(line);
    if (open !== undefined) {
      if (fence !== null) {
        blocks.push({ document, heading, language: open.language, text: open.lines.join("\n") });
        open = undefined;
      } else open.lines.push(line.replace(open.indent, ""));
    } else if (fence !== null) open = { indent: fence[1]!, language: fence[2]!, lines: [] };
    else heading = /^#+ (.*)/.exec(line)?.[1] ?? heading;
  }
  return blocks;
}

/** The document without its blocks of code, in which nothing is a link or a heading. */
export function proseOf(text: string): string {
  return text.replaceAll(/^( *)```.*\n(?:.*\n)*?\1```$/gm, "");
}

/** The addresses of its headings, as GitHub makes them: lower case, without punctuation, `-1` at the second of a name. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of proseOf(text).matchAll(/^#+ (.*)/gm)) {
    const base = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "")
      .replaceAll(" ", "-");
    let anchor = base;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${base}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}
