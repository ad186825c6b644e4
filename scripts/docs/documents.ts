import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../app/version.ts";
import { commandManual } from "./manual.ts";
import { lintTable, squawkTable } from "./lint-tables.ts";
import { benchResults } from "./bench-results.ts";
import { commandTable, envExample, exitCodeTable, settingsTable } from "./tables.ts";

export interface Document {
  readonly path: string;
  readonly current: string;
  /** What it would be with its tables made anew. */
  readonly generated: string;
}

/** Every document of which a part is made from the code's tables. */
export function readDocuments(): Document[] {
  const [readme, lint, performance] = [read("README.md"), read("docs/lint.md"), read("docs/performance.md")];
  return [
    {
      ...readme,
      generated: [
        ["settings", settingsTable()],
        ["exit codes", exitCodeTable()],
        ["commands", commandTable()],
      ].reduce((text, [name, table]) => replaceBlock(text, name!, table!), readme.current),
    },
    { ...read(".env.example"), generated: envExample() },
    { ...read("docs/migrate.md"), generated: commandManual() },
    { ...performance, generated: replaceBlock(performance.current, "results", benchResults()) },
    {
      ...lint,
      generated: [
        ["rules", lintTable()],
        ["squawk", squawkTable()],
      ].reduce((text, [name, table]) => replaceBlock(text, name!, table!), lint.current),
    },
  ];
}

function read(name: string): Pick<Document, "path" | "current"> {
  const path = join(projectRoot, name);
  return { path, current: readFileSync(path, "utf8") };
}

/** Replaces what stands between `<!-- name: made by npm run docs -->` and `<!-- end of name -->`. */
function replaceBlock(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name}: made by npm run docs -->\n`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from === -1 || to === -1) throw new Error(`there is no block "${name}"`);
  return `${text.slice(0, from + start.length)}\n${content}\n\n${text.slice(to)}`;
}
