import { basename } from "node:path";
import type { MigrationFile } from "./files.ts";
import { parseDirectives, type Directives } from "./directives.ts";
import type { KnownMigration } from "./history.ts";
import { readMigrationText, type MigrationText } from "./migration-text.ts";
import {
  isParseFailure,
  largestParsed,
  splitStatements,
  type ParseFailure,
  type Statement,
} from "./statements.ts";

/** A migration that was read and found fit to run in one direction. */
export interface PreparedMigration {
  readonly file: KnownMigration;
  readonly direction: "up" | "down";
  /** The file that the text stands in, for messages. */
  readonly path: string;
  readonly text: string;
  readonly directives: Directives;
  /** The statements, where they are run one by one. */
  readonly statements: readonly Statement[] | undefined;
  /** A syntax error in a migration that must be split: it fails when its turn comes. */
  readonly parseFailure: ParseFailure | undefined;
  /** lock_timeout does not apply: the text only changes rows or validates, and keeps no reader waiting. */
  readonly keepsNobodyWaiting: boolean;
  /** Sentences for a person; none of them stops the run. */
  readonly warnings: readonly string[];
}

/** Checksums for the files of a folder. A file that cannot be read or decoded is added to `problems`. */
export function readChecksums(files: readonly MigrationFile[], problems: string[]): KnownMigration[] {
  return files.flatMap((file) => {
    const content = readMigrationText(file.upPath);
    if (typeof content !== "string") return [{ ...file, checksum: content.checksum }];
    problems.push(content);
    return [];
  });
}

/**
 * Reads one direction of a migration and checks all that can be known before anything runs. What makes it unusable is
 * added to `problems`.
 */
export async function prepareMigration(
  file: KnownMigration,
  direction: "up" | "down",
  path: string,
  problems: string[],
): Promise<PreparedMigration | undefined> {
  const content = readMigrationText(path);
  if (typeof content === "string") {
    problems.push(content);
    return undefined;
  }
  return await prepareText(file, direction, path, content, problems);
}

/** The same for a text that does not come from this image's folder. */
export async function prepareText(
  file: KnownMigration,
  direction: "up" | "down",
  path: string,
  { text }: Pick<MigrationText, "text">,
  problems: string[],
): Promise<PreparedMigration> {
  const fileName = basename(path);
  const directives = parseDirectives(text, file.kind, fileName, problems);
  const base = {
    file,
    direction,
    path,
    directives,
    statements: undefined,
    parseFailure: undefined,
    keepsNobodyWaiting: file.kind === "sql" && !mayLockTables(text),
    warnings: [] as string[],
  };
  if (file.kind === "code") return { ...base, text };
  if (text.length > largestParsed) {
    if (directives.noTransaction) {
      problems.push(
        `${fileName}: a no-transaction migration may have ${largestParsed / 1024 / 1024} MiB of text; split it.`,
      );
    }
    return { ...base, text };
  }
  if (!directives.noTransaction && !needsParser(text)) {
    return { ...base, text, warnings: isBlank(text) ? [`${fileName} holds no statement.`] : [] };
  }
  const statements = await splitStatements(text);
  const onlyInPsql = psqlProblems(fileName, text, statements);
  if (onlyInPsql.length > 0) {
    problems.push(...onlyInPsql);
    return { ...base, text };
  }
  if (isParseFailure(statements)) return { ...base, text, parseFailure: statements };
  if (statements.length === 0) base.warnings.push(`${fileName} holds no statement.`);
  if (directives.repeatUntilZero !== undefined && statements.length !== 1) {
    problems.push(
      `${fileName}: repeat-until-zero needs exactly one statement, this file has ${statements.length}.`,
    );
  }
  if (statements.length > 0 && statements.every(({ validates }) => validates)) base.keepsNobodyWaiting = true;
  for (const { concurrently, line } of statements) {
    if (concurrently?.action !== "create" || concurrently.index !== undefined || !directives.noTransaction)
      continue;
    problems.push(
      `${fileName}:${line}: name the index; without a name, what an interrupted build leaves behind could not be told from other indexes.`,
    );
  }
  const controls = statements.filter(({ endsTransaction }) => endsTransaction);
  if (controls.length === 0)
    return { ...base, text, statements: directives.noTransaction ? statements : undefined };
  if (!directives.noTransaction && controls.length === 2 && isWrapped(statements)) {
    base.warnings.push(
      `${fileName} brings its own BEGIN and COMMIT (lines ${controls[0]!.line} and ${controls[1]!.line}); they are left out, the migration has a transaction already.`,
    );
    return { ...base, text: blankOut(text, controls) };
  }
  problems.push(
    `${fileName} controls transactions by itself (line ${controls.map(({ line }) => line).join(", ")}); what it commits could not be rolled back or recorded. ` +
      "Remove BEGIN, COMMIT and ROLLBACK; every migration runs in one transaction, or statement by statement with `-- migrate: no-transaction`.",
  );
  return { ...base, text };
}

/** Words without which a text cannot hold what only the parser can judge. Most migrations have none of them. */
function needsParser(text: string): boolean {
  return (
    /^[ \t]*\\|\\g/m.test(text) ||
    /\bcopy\b[\s\S]*\bstdin\b/i.test(text) ||
    /\bvalidate\s+constraint\b/i.test(text) ||
    /\b(?:begin|commit|rollback|abort|end|start\s+transaction|prepare\s+transaction)\b/i.test(text)
  );
}

/** Without any of these words a text changes rows and nothing else, whatever is in its literals. */
function mayLockTables(text: string): boolean {
  return /\b(?:alter|create|drop|truncate|lock|comment|grant|revoke|reindex|refresh|cluster|vacuum|analyze|do|call|security|import|reassign)\b/i.test(
    text,
  );
}

function isBlank(text: string): boolean {
  return (
    text
      .replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\//g, "")
      .trim()
      .replaceAll(";", "") === ""
  );
}

/** Text for psql rather than for a server: backslash commands, and COPY with its data behind it. */
function psqlProblems(
  fileName: string,
  text: string,
  statements: readonly Statement[] | ParseFailure,
): string[] {
  const copyAdvice =
    "COPY … FROM stdin with its data in the file works only in psql; use INSERT, or load the data with a program.";
  if (!isParseFailure(statements)) {
    return statements
      .filter(({ copiesFromClient }) => copiesFromClient)
      .map(({ line }) => `${fileName}:${line}: ${copyAdvice}`);
  }
  const before = text.slice(0, statements.offset);
  const lineNumber = before.split("\n").length;
  const line = text.split("\n")[lineNumber - 1] ?? "";
  // The data of a COPY stands where the parser expects the next statement.
  const copy = /\bcopy\b[^;]*\bfrom\s+stdin\b[^;]*;[ \t]*\n/i.exec(before);
  if (copy !== null) return [`${fileName}:${before.slice(0, copy.index).split("\n").length}: ${copyAdvice}`];
  const command =
    /^\s*(\\\w+|\\.)/.exec(line) ?? /(\\(?:gexec|gset|gdesc|gx|g|watch|crosstabview|bind)\b)/.exec(line);
  if (command === null) return [];
  return [
    `${fileName}:${lineNumber}: "${command[1]}" is a command of psql, not SQL; write the SQL itself into the file.`,
  ];
}

function isWrapped(statements: readonly Statement[]): boolean {
  const [first, last] = [statements[0], statements.at(-1)];
  return /^(?:begin|start)\b/i.test(bare(first?.text)) && /^(?:commit|end)\b/i.test(bare(last?.text));
}

function bare(text = ""): string {
  return text.replace(/^(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/, "");
}

/** Spaces instead of the statements, so that every other place in the file keeps its line and column. */
function blankOut(text: string, statements: readonly Statement[]): string {
  let result = text;
  for (const { offset, text: statement } of statements) {
    const blank = statement.replaceAll(/[^\n]/g, " ");
    result =
      result.slice(0, offset) + blank + result.slice(offset + statement.length).replace(/^(\s*);/, "$1 ");
  }
  return result;
}
